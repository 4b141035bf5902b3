/**
 * A task: a stage with one cell of its matrix, everything resolved but the content of its inputs.
 * Types only.
 */
import type { Pipeline, StageSpec } from '../config/pipeline.ts';
import type { TaskId } from '../event.ts';
import type { CodeFingerprint } from '../fingerprint/document.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Extendable } from '../stage.ts';

export interface Task {
  readonly id: TaskId;
  readonly stage: StageSpec;
  /** axis → value, in matrix order. */
  readonly cell: { readonly [axis: string]: Json };
  /** axis → label (the scalar as text, or the object's `name`). */
  readonly labels: { readonly [axis: string]: string };
  /** Defaults filled in and validated against the stage's schema. */
  readonly params: JsonObject;
  /** The param by which a finished run of it can be extended; see `run/continuation`. */
  readonly extendable?: Extendable;
  readonly inputs: readonly TaskInput[];
  readonly outputs: readonly TaskOutput[];
  readonly code: CodeFingerprint;
  /** Absolute path of the bundle to run, for a module stage. */
  readonly bundle?: string;
}

export type TaskInput =
  /** Files of the project: a path, a folder or globs, relative to the root; expanded when decided. */
  | {
      readonly kind: 'source';
      readonly name: string;
      readonly shape: InputShape;
      readonly optional: boolean;
      readonly patterns: readonly string[];
    }
  /** Outputs of other tasks; several only in a fan-in. */
  | {
      readonly kind: 'upstream';
      readonly name: string;
      readonly shape: InputShape;
      readonly optional: boolean;
      readonly from: readonly UpstreamOutput[];
    };

export type InputShape = 'file' | 'files' | 'folder' | 'fan-in';

export interface UpstreamOutput {
  readonly task: TaskId;
  readonly output: string;
  /** Labels of the upstream cell's axes (all of them). */
  readonly labels: { readonly [axis: string]: string };
}

export interface TaskOutput {
  readonly name: string;
  /** Relative to the artifact's folder, without a trailing slash. */
  readonly path: string;
  readonly folder: boolean;
  readonly display: boolean;
}

export interface TaskGraph {
  readonly pipeline: Pipeline;
  /** In a topological order. */
  readonly tasks: ReadonlyMap<TaskId, Task>;
  /** Direct upstream tasks. */
  upstream(id: TaskId): readonly TaskId[];
  downstream(id: TaskId): readonly TaskId[];
  /** The targets (stage names or task ids, all stages when empty; filtered by `where`) and what they need, topologically. */
  closure(
    targets: readonly string[],
    where?: { readonly [axis: string]: string },
  ): { readonly targets: readonly TaskId[]; readonly tasks: readonly TaskId[] };
}
