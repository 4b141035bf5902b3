/**
 * A reporter turns the engine's events into something to read. Knows no particular one.
 */
import type { Emit } from '../../pipe/event.ts';

export interface Reporter {
  readonly emit: Emit;
  /** Says again what an earlier run said of hits. */
  readonly repeat: (said: Repeated) => void;
  /** Puts the terminal back as it was; called once, also after a failure. */
  close(): void;
}

/** The same hits in the words of each reporter; it asks for its own. */
export interface Repeated {
  /** Of the plain reporter, on stderr and stdout. */
  talk(): string;
  data(): string;
  /** Of the terminal's, on stderr, with colours. */
  live(): string;
  /** Of the JSON reporter: events, one a line. */
  events(): string;
}

/** Where data and talk go; injected, so that tests can read them. */
export interface Streams {
  /** Data. */
  readonly out: (text: string) => void;
  /** Talk. */
  readonly err: (text: string) => void;
}
