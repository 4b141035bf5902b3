/**
 * What the engine and the process of a task say to each other. Types only, all of it JSON.
 */
import type { JsonObject } from '../json.ts';
import type { StageInput } from '../stage.ts';

export interface Order {
  /** Absolute path of the stage's bundle. */
  readonly bundle: string;
  readonly params: JsonObject;
  readonly inputs: { readonly [input: string]: StageInput };
  /** Absolute paths to write. */
  readonly outputs: { readonly [output: string]: string };
  readonly scratch: string;
  readonly seed: number;
  readonly memoFolder: string;
  readonly checkpointFolder: string;
}

export type EngineMessage =
  | { readonly type: 'run'; readonly order: Order }
  | { readonly type: 'abort' };

export type HostMessage =
  | { readonly type: 'log'; readonly text: string }
  | { readonly type: 'note'; readonly text: string }
  | {
      readonly type: 'progress';
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      readonly values: JsonObject;
    }
  | { readonly type: 'metric'; readonly values: JsonObject }
  | { readonly type: 'done'; readonly usage: Usage }
  | { readonly type: 'failed'; readonly error: HostError; readonly usage: Usage };

export interface Usage {
  readonly cpuMs: number;
  readonly peakRssBytes: number;
}

/** An exception, flattened to cross the process boundary. */
export interface HostError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Node's error code, such as `ENOSPC` or `ERR_ACCESS_DENIED`. */
  readonly code?: string;
  /** The path that the permission model refused. */
  readonly resource?: string;
  readonly permission?: string;
  /** A StageError's own. */
  readonly hint?: string;
  readonly file?: string;
  readonly line?: number;
}
