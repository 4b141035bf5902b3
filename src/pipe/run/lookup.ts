/**
 * Is this key's product in the store, whole? And if not, why must the task run? Knows no process.
 */
import type { Key } from '../digest.ts';
import type { Change } from '../fingerprint/change.ts';
import { explain, nearest } from '../fingerprint/explain.ts';
import { changeNames } from '../graph/change-names.ts';
import type { Task } from '../graph/task.ts';
import type { BlobState } from '../store/blobs.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../store/trace.ts';
import { findContinuation } from './continuation.ts';
import type { Prepared } from './prepare.ts';
import type { Product } from './settled-tasks.ts';

export type Lookup =
  | { readonly state: 'hit'; readonly trace: Trace }
  | { readonly state: 'unknown' }
  /** The trace is there, but not all that it names. */
  | { readonly state: 'lost'; readonly losses: readonly Loss[] };

export interface Loss {
  readonly output: string;
  readonly state: Exclude<BlobState, 'good'>;
  readonly digest: Trace['outputs'][string]['digest'];
}

export async function lookup(store: Store, key: Key): Promise<Lookup> {
  const trace = store.traces.get(key);
  if (trace === undefined) return { state: 'unknown' };
  const losses: Loss[] = [];
  for (const [output, record] of Object.entries(trace.outputs)) {
    const { state, digest } = await store.blobs.checkOutput(record);
    if (state !== 'good') losses.push({ output, state, digest });
  }
  return losses.length === 0 ? { state: 'hit', trace } : { state: 'lost', losses };
}

/** What an earlier run found whole is still there, as far as a glance tells. */
export function isKept(store: Store, { key, outputs }: Product): boolean {
  return store.traces.has(key) && Object.values(outputs).every(store.blobs.isIntact);
}

export interface Reason {
  readonly task: Task;
  readonly prepared: Prepared;
  readonly found: Lookup;
  readonly forced: boolean;
}

/** More are read by who asks for more, as `why` does. */
const MOST_COMPARED = 5;

/** What a task built of late, newest first: enough to say why it must run. */
export function recent(store: Store, task: Task): readonly Trace[] {
  return store.traces.ofTask(task.id, MOST_COMPARED);
}

/** Compared with the nearest of those, newest first. */
export function changesFor(
  store: Store,
  { task, prepared, found, forced }: Reason,
  built: readonly Trace[],
): Change[] {
  if (found.state === 'lost') return [{ kind: 'outputs-lost' }];
  if (forced) return [{ kind: 'forced' }];
  const before = nearest(prepared.fingerprint, [...built].reverse());
  const begun = findContinuation(store, task, prepared);
  return [
    ...explain(
      before?.fingerprint,
      prepared.fingerprint,
      changeNames(task, before?.provenance.names),
    ),
    ...(begun ? [{ kind: 'goes-on', ...begun } as const] : []),
  ];
}
