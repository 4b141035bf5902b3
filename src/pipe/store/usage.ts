/**
 * How often and when results were used, from the run records of every project of a store. Knows no
 * blob and removes nothing.
 */
import type { Key } from '../digest.ts';
import type { TaskId } from '../event.ts';
import { openRunRecords, type RunRecord } from './run-records.ts';

export interface Use {
  readonly count: number;
  readonly lastMs: number;
}

export interface Usage {
  readonly uses: ReadonlyMap<Key, Use>;
  /** By run folder: the key of each task when it was last built or hit. */
  readonly latest: ReadonlyMap<string, ReadonlyMap<TaskId, Key>>;
}

/** Older records say little about tomorrow, and reading them takes time. */
const MOST_RECORDS = 200;

/** `runFolders`: one a project. */
export function usageOf(runFolders: readonly string[]): Usage {
  const uses = new Map<Key, Use>();
  const latest = new Map<string, ReadonlyMap<TaskId, Key>>();
  for (const folder of runFolders) {
    const newest = new Map<TaskId, Key>();
    latest.set(folder, newest);
    for (const record of newestRecords(folder)) {
      const atMs = Date.parse(record.startedAt);
      for (const { task, key } of record.tasks) {
        if (key === undefined) continue;
        const before = uses.get(key);
        const lastMs = Math.max(atMs, before?.lastMs ?? 0);
        uses.set(key, { count: (before?.count ?? 0) + 1, lastMs });
        if (!newest.has(task)) newest.set(task, key);
      }
    }
  }
  return { uses, latest };
}

function newestRecords(folder: string): RunRecord[] {
  const records = openRunRecords(folder);
  const ids = records.list().slice(0, MOST_RECORDS);
  return ids.flatMap((id) => records.get(id) ?? []);
}

const HALF_LIFE_DAYS = 14;
const DAY_MS = 86_400_000;

/**
 * From 0 to 1, how likely it is that a result is asked for again: what was used often and lately.
 * Each use halves the doubt, each two weeks without one halve the chance.
 */
export function chanceOfReuse(use: Use, nowMs: number): number {
  const idleDays = Math.max(0, nowMs - use.lastMs) / DAY_MS;
  return (1 - 2 ** -use.count) * 2 ** (-idleDays / HALF_LIFE_DAYS);
}
