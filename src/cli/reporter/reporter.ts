/**
 * A reporter turns the engine's events into something to read. Knows no particular one.
 */
import type { Emit } from '../../pipe/event.ts';

export interface Reporter {
  readonly emit: Emit;
  /** Puts the terminal back as it was; called once, also after a failure. */
  close(): void;
}

/** Where data and talk go; injected, so that tests can read them. */
export interface Streams {
  /** Data. */
  readonly out: (text: string) => void;
  /** Talk. */
  readonly err: (text: string) => void;
}
