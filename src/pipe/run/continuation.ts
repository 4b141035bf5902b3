/**
 * A finished run as the beginning of a longer one. A stage may declare a param whose larger value
 * only goes on where a smaller one ended (`extendable`); the last checkpoint of each finished run then
 * is kept under the key that its task would have without that param, and the value that it reached.
 * Knows no process.
 *
 * `checkpoints/<key without the param>.<value>/state`, beside the folders of unfinished tasks. Found
 * through the store's `checkpointFolder`, so that a rebuild beside the store starts from nothing.
 */
import { existsSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { keyOf } from '../fingerprint/key.ts';
import type { Task } from '../graph/task.ts';
import { canonicalJson } from '../json.ts';
import { loadState, openCheckpoint } from '../store/checkpoint.ts';
import { namesIn } from '../store/names-in.ts';
import type { Store } from '../store/store.ts';
import type { Prepared } from './prepare.ts';

export interface Continuation {
  readonly param: string;
  /** The value with which the run that is continued was finished. */
  readonly from: number;
}

interface Place {
  readonly param: string;
  readonly value: number;
  /** Where states of this task with any value are kept; the value follows. */
  readonly prefix: string;
}

/** The finished run that a task would go on from, if it has no progress of its own. */
export function findContinuation(
  store: Store,
  task: Task,
  prepared: Prepared,
): Continuation | undefined {
  const found = findState(store, task, prepared);
  return found && { param: found.param, from: found.from };
}

/** Lays the state of such a run where the task looks for its own progress. */
export function startFromFinished(
  store: Store,
  task: Task,
  prepared: Prepared,
): Continuation | undefined {
  const found = findState(store, task, prepared);
  if (found === undefined) return undefined;
  openCheckpoint(store.checkpointFolder(prepared.key)).save(found.state);
  return { param: found.param, from: found.from };
}

/** The task has ended well: its progress is kept for a longer one, or is of no more use. */
export function keepForLonger(store: Store, task: Task, prepared: Prepared): void {
  if (task.code.kind === 'command') return; // it has no checkpoint
  const folder = store.checkpointFolder(prepared.key);
  if (!existsSync(folder)) return;
  const place = placeOf(store, task, prepared);
  if (place === undefined || loadState(join(folder, 'state')) === undefined) {
    rmSync(folder, { recursive: true, force: true });
    return;
  }
  const kept = `${place.prefix}${place.value}`;
  rmSync(kept, { recursive: true, force: true });
  renameSync(folder, kept);
}

function findState(store: Store, task: Task, prepared: Prepared) {
  const place = placeOf(store, task, prepared);
  if (place === undefined) return undefined;
  const own = join(store.checkpointFolder(prepared.key), 'state');
  if (loadState(own) !== undefined) return undefined;
  for (const from of keptValues(place)) {
    if (from > place.value) continue;
    const state = loadState(join(`${place.prefix}${from}`, 'state'));
    if (state !== undefined) return { param: place.param, from, state };
  }
  return undefined;
}

/** Undefined where the stage declares nothing of the kind, or not for these params. */
function placeOf(store: Store, task: Task, { fingerprint }: Prepared): Place | undefined {
  const { extendable } = task;
  if (extendable === undefined) return undefined;
  const { param, when = {} } = extendable;
  const { [param]: value, ...others } = task.params;
  if (!Number.isInteger(value)) return undefined;
  const holds = Object.entries(when).every(
    ([name, wanted]) => canonicalJson(others[name] ?? null) === canonicalJson(wanted),
  );
  if (!holds) return undefined;
  const key = keyOf({ ...fingerprint, params: others });
  return { param, value: value as number, prefix: `${store.checkpointFolder(key)}.` };
}

/** Largest first. */
function keptValues({ prefix }: Place): number[] {
  const start = basename(prefix);
  return namesIn(dirname(prefix))
    .filter((name) => name.startsWith(start))
    .map((name) => Number(name.slice(start.length)))
    .filter((value) => Number.isInteger(value))
    .sort((a, b) => b - a);
}
