/**
 * Everything a run tells the world, as one closed union. Reporters (terminal, plain, JSON) consume
 * it and nothing else. Knows no terminal.
 */
import type { Diagnostic } from './diagnostic.ts';
import type { Digest, Key } from './digest.ts';
import type { Change } from './fingerprint/change.ts';
import type { JsonObject } from './json.ts';

/** `train@neox-mini,doc`: a stage's name and, with a matrix, its cell's labels. */
export type TaskId = string;

export type Event =
  | {
      readonly type: 'runStarted';
      readonly runId: string;
      readonly tasks: readonly TaskId[];
      readonly at: string;
    }
  /** The task's outputs are known without running it. */
  | {
      readonly type: 'taskHit';
      readonly task: TaskId;
      readonly key: Key;
      readonly notes: readonly string[];
      readonly savedMs: number;
    }
  /** The task will run; `changes` says why (empty only with `--force` or on first sight). */
  | {
      readonly type: 'taskStarted';
      readonly task: TaskId;
      readonly key: Key;
      readonly attempt: number;
      readonly pid: number;
      readonly changes: readonly Change[];
      readonly expectedMs?: number;
    }
  | {
      readonly type: 'taskWaiting';
      readonly task: TaskId;
      readonly key: Key;
      readonly owner: string;
    }
  | {
      readonly type: 'taskLog';
      readonly task: TaskId;
      readonly stream: 'stdout' | 'stderr' | 'log';
      readonly text: string;
    }
  /** `done` of `total` units; `values` are short live figures such as `{loss: 1.2, tokensPerSecond: 900}`. */
  | {
      readonly type: 'taskProgress';
      readonly task: TaskId;
      readonly done: number;
      readonly total: number;
      readonly unit: string;
      readonly values: JsonObject;
    }
  /** A line worth keeping: shown in the summary and again on every hit. */
  | { readonly type: 'taskNote'; readonly task: TaskId; readonly text: string }
  | { readonly type: 'taskMetric'; readonly task: TaskId; readonly values: JsonObject }
  /** `attempt` counts from 1 and is the one to come. */
  | {
      readonly type: 'taskRetry';
      readonly task: TaskId;
      readonly attempt: number;
      readonly reason: string;
      readonly delayMs: number;
    }
  | {
      readonly type: 'taskRan';
      readonly task: TaskId;
      readonly key: Key;
      readonly outputs: { readonly [name: string]: Digest };
      readonly wallMs: number;
      readonly peakRssBytes: number;
      readonly changedOutputs: readonly string[];
    }
  | {
      readonly type: 'taskFailed';
      readonly task: TaskId;
      readonly reason: FailureReason;
      readonly message: string;
      readonly hint?: string;
      readonly logFile?: string;
    }
  | { readonly type: 'taskSkipped'; readonly task: TaskId; readonly because: TaskId }
  /** `unsettled` names an upstream task whose output must be known first. */
  | {
      readonly type: 'taskDecided';
      readonly task: TaskId;
      readonly decision: 'hit' | 'run' | 'unknown';
      readonly changes: readonly Change[];
      readonly unsettled: readonly TaskId[];
      readonly forecastMs?: number;
    }
  /** `--check`: the task was rebuilt from scratch and compared with what the store holds for its key. */
  | {
      readonly type: 'taskChecked';
      readonly task: TaskId;
      readonly key: Key;
      readonly same: boolean;
      readonly outputs: readonly CheckedOutput[];
      readonly wallMs: number;
    }
  /** A displayed output (a table) of a finished target, as text; goes to stdout. */
  | {
      readonly type: 'display';
      readonly task: TaskId;
      readonly output: string;
      readonly text: string;
    }
  | { readonly type: 'diagnostics'; readonly diagnostics: readonly Diagnostic[] }
  | { readonly type: 'warning'; readonly message: string; readonly hint?: string }
  | {
      readonly type: 'filesChanged';
      readonly files: readonly string[];
      readonly stale: readonly TaskId[];
      readonly cancelled: readonly TaskId[];
    }
  | { readonly type: 'watching'; readonly files: number }
  | Summary;

export interface Summary {
  readonly type: 'summary';
  readonly ran: number;
  readonly hits: number;
  readonly failed: number;
  readonly skipped: number;
  readonly wallMs: number;
}

export interface CheckedOutput {
  readonly output: string;
  /** Files that were compared. */
  readonly files: number;
  /** The first few files that differ, and how many there are in all. */
  readonly differences: readonly FileDifference[];
  readonly differing: number;
}

export interface FileDifference {
  /** Relative to the task's artifact. */
  readonly file: string;
  readonly how: 'differs' | 'only in the store' | 'only in the rebuild';
  /** The first byte that differs, from 0, and the line (from 1) that it is in; only where the file differs. */
  readonly offset?: number;
  readonly line?: number;
  readonly storedBytes?: number;
  readonly rebuiltBytes?: number;
}

export type FailureReason =
  | 'exit' // the stage threw or the command exited non-zero
  | 'signal' // killed by a signal that we did not send
  | 'timeout'
  | 'cancelled'
  | 'undeclared-read'
  | 'missing-output'
  | 'missing-input' // a source file went away after the plan was made
  | 'input-changed' // an input changed while the task read it, more often than we retry
  | 'disk-full'
  | 'out-of-memory';

export type Emit = (event: Event) => void;
