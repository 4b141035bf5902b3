/**
 * What each run did: `runs/<runId>.json`. Knows no scheduler.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest, Key } from '../digest.ts';
import type { FailureReason, Summary, TaskId } from '../event.ts';
import type { Change } from '../fingerprint/change.ts';
import type { JsonObject } from '../json.ts';
import { isAbsence, readChecked, writeChecked } from './checked-file.ts';
import { namesIn } from './names-in.ts';
import { type Repetition, repetitionsIn } from './repetition.ts';

export interface RunRecord {
  readonly runId: string;
  readonly startedAt: string;
  readonly targets: readonly string[];
  readonly params: JsonObject;
  readonly tasks: readonly TaskRecord[];
  /** So many more tasks were hits, as this run has them; whoever reads a record gets them with the others. */
  readonly rest?: { readonly of: string; readonly tasks: number };
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
  const read = (runId: string) => readChecked(file(runId)) as RunRecord | undefined;
  return {
    put: (record) => writeChecked(file(record.runId), flattened(record, read)),
    get(runId) {
      const record = read(runId);
      if (record !== undefined) return completed(record, read);
      const repetition = repetitions(folder).find((each) => each.runId === runId);
      const of = repetition && read(repetition.of);
      return of && repeated(repetition, completed(of, read));
    },
    list() {
      const names = namesIn(folder).filter((name) => name.endsWith('.json'));
      const whole = names.map((name) => name.slice(0, -5));
      return [...whole, ...repetitions(folder).map(({ runId }) => runId)].sort().reverse();
    },
  };
}

type Read = (runId: string) => RunRecord | undefined;

/** The more tasks a record leaves to another, the more it pays. */
const MOST_OWN = 0.25;

/** Leaves tasks to a record that has them itself, so that a record needs one other at most. */
function flattened(record: RunRecord, read: Read): RunRecord {
  const { rest } = record;
  const before = rest && read(rest.of);
  if (rest === undefined || before?.rest === undefined) return record;
  const own = new Set(record.tasks.map(({ task }) => task));
  const tasks = [...record.tasks, ...before.tasks.filter(({ task }) => !own.has(task)).map(asHit)];
  const total = record.tasks.length + rest.tasks;
  const whole = { ...record, tasks, rest: { of: before.rest.of, tasks: total - tasks.length } };
  return tasks.length > total * MOST_OWN ? completed(whole, read) : whole;
}

/** With the tasks that it leaves to another record; those are lost with it. */
function completed({ rest, ...record }: RunRecord, read: Read): RunRecord {
  const before = rest && read(rest.of);
  if (before === undefined) return record;
  const own = new Set(record.tasks.map(({ task }) => task));
  const others = before.tasks.filter(({ task }) => !own.has(task)).map(asHit);
  return { ...record, tasks: [...others, ...record.tasks] };
}

function asHit({ changes: _, peakRssBytes: __, wallMs: ___, ...task }: TaskRecord): TaskRecord {
  return { ...task, outcome: 'hit' };
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

function repeated({ runId, startedAt, wallMs }: Repetition, record: RunRecord): RunRecord {
  const tasks = record.tasks.map(asHit);
  const summary = { ...record.summary, ran: 0, hits: tasks.length, wallMs };
  return { ...record, runId, startedAt: startedAt.toISOString(), tasks, summary };
}
