/**
 * What each run did: `runs/<runId>.json`. Knows no scheduler.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest, Key } from '../digest.ts';
import type { FailureReason, Summary, TaskId } from '../event.ts';
import type { Change } from '../fingerprint/change.ts';
import type { JsonObject } from '../json.ts';
import { isAbsence, readChecked, writeChecked } from './checked-file.ts';
import { type Repetition, repetitionsIn } from './repetition.ts';

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
    get(runId) {
      const record = readChecked(file(runId)) as RunRecord | undefined;
      if (record !== undefined) return record;
      const repetition = repetitions(folder).find((each) => each.runId === runId);
      return repetition && repeated(repetition, readChecked(file(repetition.of)) as RunRecord);
    },
    list() {
      try {
        const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
        const whole = names.map((name) => name.slice(0, -5));
        return [...whole, ...repetitions(folder).map(({ runId }) => runId)].sort().reverse();
      } catch (error) {
        if (isAbsence(error)) return [];
        throw error;
      }
    },
  };
}

/** Runs in which nothing had changed: each one line, in the words of the run that it repeats. */
function repetitions(folder: string): Repetition[] {
  try {
    return repetitionsIn(readFileSync(join(folder, 'repetitions.log'), 'utf8'));
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}

function repeated(
  { runId, startedAt, wallMs }: Repetition,
  record: RunRecord | undefined,
): RunRecord | undefined {
  if (record === undefined) return undefined;
  const tasks = record.tasks.map(({ changes: _, peakRssBytes: __, wallMs: ___, ...task }) => ({
    ...task,
    outcome: 'hit' as const,
  }));
  const summary = { ...record.summary, ran: 0, hits: tasks.length, wallMs };
  return { ...record, runId, startedAt: startedAt.toISOString(), tasks, summary };
}
