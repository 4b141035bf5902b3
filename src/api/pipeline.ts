/** Types only: what programs hand to the engine and get from it. */
import type { Event, TaskId } from '../pipe/event.ts';
import type { Json, JsonObject } from '../pipe/json.ts';

export interface LoadOptions {
  /** Values to override by path, such as `{'params.topK': 50}`: what `--set` does. */
  readonly set?: { readonly [path: string]: Json };
}

export interface LoadedPipeline {
  /** Absolute path of the pipeline file. */
  readonly file: string;
  /** Absolute folder of the file: paths in it count from here; `cache/` and `artifacts/` lie here. */
  readonly root: string;
  /** Shared params as resolved. */
  readonly params: JsonObject;
  /** In a topological order. */
  readonly tasks: readonly PlannedTask[];
}

export interface PlannedTask {
  readonly id: TaskId;
  readonly stage: string;
  /** Axis of the matrix → label of this cell. */
  readonly cell: { readonly [axis: string]: string };
  readonly params: JsonObject;
  /** Direct upstream tasks. */
  readonly upstream: readonly TaskId[];
}

export interface RunOptions {
  /** Stages or tasks; none means every stage. */
  readonly targets?: readonly string[];
  /** Only the cells with these labels, such as `{model: 'neox-mini'}`. */
  readonly where?: { readonly [axis: string]: string };
  /** Runs the targets even where nothing changed. */
  readonly force?: boolean;
  /** After a failure, goes on with what does not depend on it. */
  readonly keepGoing?: boolean;
  /** At most so many tasks at once; the number of cores by default. */
  readonly jobs?: number;
  /** `tensorflow-gpu`, `webgpu`, `tensorflow`, `wasm` or `cpu`; the first that answers by default. */
  readonly backend?: string;
  /** Ends the run: running tasks are killed, the others skipped. */
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Event) => void;
}
