/**
 * All that `stages/` may use of the engine: how a stage declares itself and what it is handed when
 * it runs. Knows no store, no scheduler and no tensor.
 */
import type { Static, TObject } from '@sinclair/typebox';
import type { Json, JsonObject } from './json.ts';
import type { Metrics } from './metric.ts';

export { Type } from '@sinclair/typebox';
export type { Estimate, Metrics, MetricValue } from './metric.ts';

export interface InputDeclaration {
  /** `file`: exactly one file (or one upstream file). `files`: a glob or a list. `folder`: an upstream folder or a directory. `fan-in`: one entry a cell of the upstream matrix. */
  readonly kind: 'file' | 'files' | 'folder' | 'fan-in';
  readonly description?: string;
  readonly optional?: boolean;
  /** Data labels (such as `dev`) that must never reach this input: an edge that carries one is a plan error. */
  readonly refuse?: readonly string[];
}

export interface OutputDeclaration {
  /** File name inside the artifact; a trailing `/` makes it a folder. */
  readonly path: string;
  readonly description?: string;
  /** Data labels that this output carries. Default: the union of the labels of all inputs. Naming fewer is a claim of the stage's author, to be explained in a comment. */
  readonly labels?: readonly string[];
  /** Text (a table) that `pipe run TARGET` prints to stdout when this task is a target. */
  readonly display?: boolean;
}

export interface InputFile {
  /** Absolute path to read. */
  readonly path: string;
  /** Relative name inside the folder or glob; the output's file name for an upstream output. */
  readonly name: string;
  readonly digest: string;
  /** The upstream cell of a fan-in entry as labels, e.g. `{candidate: 'doc'}`: only the axes that this task does not share, as only they are in its key. */
  readonly cell: { readonly [axis: string]: string };
}

export interface StageInput {
  /** `file`: the file. `folder`: the folder. Else the common base folder of `files`. */
  readonly path: string;
  /** In declared order; folders and globs in code-point order of `name`. */
  readonly files: readonly InputFile[];
}

/** A per-record cache inside a stage; entries live in the store and are verified on read. */
export interface Memo {
  /** `key` must name everything that the value depends on, beside the stage's code and the memo's name and version. */
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
}

/** Progress of a long task, kept under the task's key across kills and retries. */
export interface Checkpoint {
  /** The last saved state, verified; undefined on a fresh start. */
  load(): Uint8Array | undefined;
  /** Replaces the state atomically. */
  save(state: Uint8Array): void;
}

export interface StageContext<Params, Input extends string, Output extends string> {
  readonly params: Params;
  readonly inputs: { readonly [name in Input]: StageInput };
  /** Absolute paths to write; folders exist already. */
  readonly outputs: { readonly [name in Output]: string };
  /** A folder for temporary files, removed afterwards. */
  readonly scratch: string;
  readonly seed: number;
  /** Aborted on cancel and timeout; the process is killed soon after. */
  readonly signal: AbortSignal;
  /** Goes to the task's log. */
  log(text: string): void;
  /** A line worth keeping: shown in the summary, stored with the trace, shown again on hits. */
  note(text: string): void;
  progress(done: number, total: number, unit: string, values?: JsonObject): void;
  /**
   * Figures kept with the trace and the run's record; shown by `pipe metrics` and `pipe diff`. One with
   * an interval is `{value, low, high}`: `metric({accuracy: {value: 0.62, low: 0.57, high: 0.67}})`.
   */
  metric(values: Metrics): void;
  memo(name: string, version: number): Memo;
  readonly checkpoint: Checkpoint;
}

/**
 * A whole-number param whose larger value only goes on where a smaller one ended, such as a number of
 * epochs. The last state that a finished run saved is kept, and a run that differs in nothing but a
 * larger value begins with it in its `checkpoint`. Only right where the result then equals, to the
 * bit, that of a run from nothing.
 */
export interface Extendable {
  readonly param: string;
  /** The values of other params under which that holds. */
  readonly when?: { readonly [param: string]: Json };
}

export interface StageDeclaration<P extends TObject, I extends string, O extends string> {
  readonly description: string;
  readonly params: P;
  readonly extendable?: Extendable;
  readonly inputs: { readonly [name in I]: InputDeclaration };
  readonly outputs: { readonly [name in O]: OutputDeclaration };
  run(context: StageContext<Static<P>, I, O>): Promise<void> | void;
}

/** A stage's own failure that the user can mend: printed without a stack. */
export class StageError extends Error {
  readonly hint: string | undefined;
  /** `file` and `line` locate bad data, when known. */
  readonly file: string | undefined;
  readonly line: number | undefined;
  constructor(message: string, where: { hint?: string; file?: string; line?: number } = {}) {
    super(message);
    this.name = 'StageError';
    this.hint = where.hint;
    this.file = where.file;
    this.line = where.line;
  }
}

/** Declares a stage; the default export of every `stages/*.ts`. */
export function defineStage<P extends TObject, I extends string, O extends string>(
  declaration: StageDeclaration<P, I, O>,
): StageDeclaration<P, I, O> {
  return declaration;
}
