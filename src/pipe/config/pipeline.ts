/**
 * A validated `pipeline.yaml`: types only. Knows no graph: stages refer to each other by name here.
 */
import type { Json, JsonObject } from '../json.ts';
import type { Place } from './schema-error.ts';

export interface Pipeline {
  /** Absolute path of the YAML file. */
  readonly file: string;
  /** Absolute folder of the YAML file: every relative path in it counts from here. */
  readonly root: string;
  /** Shared params after `--set`, with `${…}` inside them resolved. */
  readonly params: JsonObject;
  readonly remote?: string;
  /** Units of named pools; a pool that is not named here has one. */
  readonly pools?: { readonly [pool: string]: number };
  /** In file order. */
  readonly stages: readonly StageSpec[];
}

export interface StageSpec {
  readonly name: string;
  readonly body: StageBody;
  /** In file order; values as resolved from `${params.x}`. Empty without a matrix. */
  readonly matrix: readonly MatrixAxis[];
  readonly inputs: readonly InputSpec[];
  /** Outputs of `cmd:` stages; a module stage declares its own in code. */
  readonly outputs: { readonly [name: string]: string };
  /** May still hold `${matrix.x}`. */
  readonly params: JsonObject;
  readonly resources: Resources;
  readonly retries: number;
  readonly timeoutMs?: number;
  /** Names of environment variables that the stage may see and that enter its key. */
  readonly env: readonly string[];
  readonly seed: number;
  /** `${matrix.x}` when each cell has a seed of its own; a task's `stage.seed` then is its cell's. */
  readonly seedFrom?: string;
  readonly numerics: 'interchangeable' | 'strict';
  readonly places?: Places;
}

/** Where values below a stage stand, by dotted path (`params.epochs`); the key's place under `params.epochs:key`. */
export interface Places {
  of(path: string): Place | undefined;
}

export type StageBody =
  | { readonly kind: 'module'; readonly use: string }
  | { readonly kind: 'command'; readonly cmd: string };

export interface MatrixAxis {
  readonly axis: string;
  /** A scalar, or an object whose `name` labels the cell. */
  readonly values: readonly Json[];
}

export interface InputSpec {
  readonly name: string;
  /** `STAGE.OUTPUT`, a path, a folder or a glob; may hold `${…}`. */
  readonly sources: readonly string[];
}

export interface Resources {
  readonly cpu: number;
  readonly gpu: number;
  readonly memoryBytes: number;
  readonly pools: { readonly [pool: string]: number };
}
