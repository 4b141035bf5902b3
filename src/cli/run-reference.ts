/** Runs as a user names them: `last`, `last~2`, or the beginning (or the end) of an id that only one has. */
import type { RunRecord } from '../pipe/store/run-records.ts';
import type { Store } from '../pipe/store/store.ts';
import { UsageError } from './command.ts';

export function findRun(store: Store, reference: string): RunRecord {
  const ids = store.runs.list();
  if (ids.length === 0) throw new UsageError('no run is recorded here yet', 'pipe run makes one');
  const id = resolveReference(ids, reference);
  const record = store.runs.get(id);
  if (record === undefined) throw new UsageError(`the record of run ${id} is damaged`);
  return record;
}

/** `ids` newest first. */
export function resolveReference(ids: readonly string[], reference: string): string {
  const back = /^last(?:~(\d+))?$/.exec(reference);
  if (back !== null) {
    const id = ids[Number(back[1] ?? 0)];
    if (id !== undefined) return id;
    throw new UsageError(`${reference}: only ${ids.length} runs are recorded`, LISTED);
  }
  const matches = ids.filter((id) => id.startsWith(reference) || id.endsWith(`-${reference}`));
  const [only, ...others] = matches;
  if (only === undefined) throw new UsageError(`there is no run ${reference}`, LISTED);
  if (others.length === 0 || matches.includes(reference))
    return others.length === 0 ? only : reference;
  throw new UsageError(
    `${reference} is the beginning of ${matches.length} runs: ${matches.slice(0, 3).join(', ')}${matches.length > 3 ? ', …' : ''}`,
    'give more of it',
  );
}

const LISTED = 'pipe runs lists them; last and last~1 are the newest';
