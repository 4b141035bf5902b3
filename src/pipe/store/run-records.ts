/**
 * What each run did: `runs/<runId>.json`. Knows no scheduler.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest, Key } from '../digest.ts';
import type { FailureReason, Summary, TaskId } from '../event.ts';
import type { Change } from '../fingerprint/change.ts';
import type { JsonObject } from '../json.ts';
import { isAbsence, readChecked, writeChecked } from './checked-file.ts';

export interface RunRecord {
  readonly runId: string;
  readonly startedAt: string;
  readonly targets: readonly string[];
  readonly params: JsonObject;
  readonly tasks: readonly TaskRecord[];
  readonly summary: Summary;
}

export interface TaskRecord {
  readonly task: TaskId;
  readonly outcome: 'hit' | 'ran' | 'failed' | 'skipped';
  readonly key?: Key;
  readonly changes?: readonly Change[];
  readonly params?: JsonObject;
  /** On a hit, the metrics of the run that built the outputs. */
  readonly metrics?: JsonObject;
  readonly outputs?: { readonly [name: string]: Digest };
  readonly wallMs?: number;
  readonly peakRssBytes?: number;
  readonly reason?: FailureReason;
}

export interface RunRecords {
  put(record: RunRecord): void;
  get(runId: string): RunRecord | undefined;
  /** Newest first. */
  list(): string[];
}

export function openRunRecords(folder: string): RunRecords {
  const file = (runId: string) => join(folder, `${runId}.json`);
  return {
    put: (record) => writeChecked(file(record.runId), record),
    get: (runId) => readChecked(file(runId)) as RunRecord | undefined,
    list() {
      try {
        const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
        return names
          .map((name) => name.slice(0, -5))
          .sort()
          .reverse();
      } catch (error) {
        if (isAbsence(error)) return [];
        throw error;
      }
    },
  };
}

/** Sorts by time, to the millisecond; the tail keeps two runs of one moment apart. */
export function newRunId(now: Date): string {
  const time = now.toISOString().slice(0, 23).replace(/[-:.]/g, '');
  const tail = Math.floor(Math.random() * 36 ** 4)
    .toString(36)
    .padStart(4, '0');
  return `${time}-${tail}`;
}
