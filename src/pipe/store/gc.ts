/**
 * Cleans a store: says what should go, and removes it. Safe beside running builds, of any number of
 * projects: what they have named as used stays, and builds that begin wait until cleaning is done.
 * Knows no pipeline; the caller says which keys a plan would use.
 */
import { rmSync } from 'node:fs';
import type { Digest, Key } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { CacheLayout } from './cache-layout.ts';
import { type Census, type StoredTrace, sizeOf, takeCensus } from './census.ts';
import { writeChecked } from './checked-file.ts';
import { type Candidate, chooseEvictions, type Eviction, type Limits } from './eviction.ts';
import { findLeftovers, type Leftover } from './leftovers.ts';
import { isLock, type LockOwner, openLocks } from './locks.ts';
import { memoFolderName } from './memo.ts';
import { pinsIn } from './pins.ts';
import { CLEANING, type Present, settledBuilds } from './presence.ts';
import { knownProjects } from './projects.ts';
import { withUpstream } from './provenance.ts';
import type { Store } from './store.ts';
import { type Usage, usageOf } from './usage.ts';

export interface GcOptions {
  readonly store: Store;
  readonly limits: Limits;
  readonly current: CurrentKeys;
  /** Only says what would go. */
  readonly dryRun: boolean;
}

/** What the project's plan would use now: as good as pinned. */
export interface CurrentKeys {
  readonly hits: ReadonlySet<Key>;
  /** Tasks whose keys are not known yet: what they were last stands for them. Undefined: of all. */
  readonly unsettled?: ReadonlySet<TaskId>;
}

export interface EvictedResult extends Eviction {
  readonly task: TaskId;
  readonly costMs: number;
  readonly lastUsedMs: number;
}

export interface GcReport {
  readonly beforeBytes: number;
  readonly afterBytes: number;
  /** Of the bytes that go, those that are freed only when artifacts/ no longer shows them. */
  readonly shownBytes: number;
  readonly evicted: readonly EvictedResult[];
  /** Blobs that no result named even before. */
  readonly orphans: { readonly count: number; readonly bytes: number };
  readonly leftovers: readonly Leftover[];
  readonly kept: {
    readonly results: number;
    readonly pinned: number;
    readonly current: number;
    readonly used: number;
  };
  readonly builds: readonly string[];
}

/** Another process cleans this store. */
export class CleaningError extends Error {
  constructor({ pid, host }: LockOwner) {
    super(`process ${pid} on ${host} is cleaning this store`);
    this.name = 'CleaningError';
  }
}

/** A build that looks things up is over, or has published what it uses, in this time. */
const PATIENCE_MS = 15_000;

export async function cleanStore(options: GcOptions): Promise<GcReport> {
  if (options.dryRun) return reportOf(await plan(options), options.store);
  const lock = openLocks(options.store.layout.presence).tryAcquire(CLEANING);
  if (!isLock(lock)) throw new CleaningError(lock);
  try {
    const planned = await plan(options);
    const report = reportOf(planned, options.store);
    await apply(planned, options.store);
    return report;
  } finally {
    lock.release();
  }
}

interface Plan {
  readonly census: Census;
  readonly usage: Usage;
  readonly builds: readonly Present[];
  readonly keeps: Keeps;
  readonly evictions: readonly Eviction[];
  /** All blobs that no result names once these have gone. */
  readonly loose: readonly Digest[];
  readonly orphans: readonly Digest[];
  readonly leftovers: readonly Leftover[];
}

interface Keeps {
  readonly pinned: ReadonlySet<Key>;
  readonly current: ReadonlySet<Key>;
  readonly used: ReadonlySet<Key>;
  /** A build runs that says nothing of what it uses: nothing may go. */
  readonly all: boolean;
}

async function plan({ store, limits, current }: GcOptions): Promise<Plan> {
  const builds = await settledBuilds(store.layout.presence, PATIENCE_MS);
  const census = takeCensus(store);
  const usage = usageOf(runFoldersOf(store.layout));
  const keeps = keepsOf(store, census, usage, current, builds);
  const candidates = census.traces.map((each) => candidateOf(each, usage, keeps));
  const bytesOf = (digest: Digest) => census.blobs.get(digest)?.bytes ?? 0;
  const evictions = chooseEvictions(candidates, bytesOf, limits);
  const gone = new Set(evictions.map(({ key }) => key));
  const left = census.traces.filter(({ key }) => !gone.has(key));
  const isBusy = builds.length > 0;
  const before = unnamed(census, census.traces);
  const orphans = isBusy ? [] : before; // they may be outputs whose trace is still to come
  const spared = new Set(isBusy ? before : []);
  return {
    census,
    usage,
    builds,
    keeps,
    evictions,
    loose: unnamed(census, left).filter((digest) => !spared.has(digest)),
    orphans,
    leftovers: leftoversOf(store.layout, left, limits, isBusy),
  };
}

/** The own project's and, in a shared store, those of the others that this machine can see. */
function runFoldersOf(layout: CacheLayout): string[] {
  const others = knownProjects(layout.projects).map((each) => `${each.projectFolder}/runs`);
  return [...new Set([layout.runs, ...others])];
}

function keepsOf(
  store: Store,
  census: Census,
  usage: Usage,
  current: CurrentKeys,
  builds: readonly Present[],
): Keeps {
  const traces = census.traces.flatMap(({ trace }) => trace ?? []);
  const pinned = pinsIn(store.layout.pins).flatMap(({ keys }) => keys);
  const silent = builds.some(({ keys }) => keys === undefined);
  return {
    pinned: withUpstream(new Set(pinned), traces),
    current: new Set([...current.hits, ...lastKeys(usage, store.layout.runs, current)]),
    used: new Set(builds.flatMap(({ keys }) => [...(keys ?? [])])),
    all: silent,
  };
}

/** Of other projects we know no plan: what each of their tasks was last is taken for it. */
function lastKeys(usage: Usage, own: string, { unsettled }: CurrentKeys): Key[] {
  return [...usage.latest].flatMap(([folder, newest]) => {
    const entries = [...newest];
    const asked = folder === own && unsettled !== undefined;
    return (asked ? entries.filter(([task]) => unsettled.has(task)) : entries).map(
      ([, key]) => key,
    );
  });
}

function isKept(key: Key, { pinned, current, used, all }: Keeps): boolean {
  return all || pinned.has(key) || current.has(key) || used.has(key);
}

function candidateOf(stored: StoredTrace, usage: Usage, keeps: Keeps): Candidate {
  const { key, trace, blobs, bytes, lost } = stored;
  return {
    key,
    blobs,
    bytes,
    costMs: trace?.cost.wallMs ?? 0,
    use: useOf(stored, usage),
    isBroken: trace === undefined || (lost.length > 0 && !keeps.used.has(key) && !keeps.all),
    isKept: isKept(key, keeps),
  };
}

/** A result without a run record was used once, when it was made. */
function useOf({ key, trace }: StoredTrace, usage: Usage) {
  const madeMs = Date.parse(trace?.provenance.finishedAt ?? '') || 0;
  const use = usage.uses.get(key);
  return { count: use?.count ?? 1, lastMs: Math.max(use?.lastMs ?? 0, madeMs) };
}

function unnamed(census: Census, traces: readonly StoredTrace[]): Digest[] {
  const named = new Set<Digest>();
  for (const { blobs } of traces) for (const digest of blobs) named.add(digest);
  return [...census.blobs.keys()].filter((digest) => !named.has(digest));
}

function leftoversOf(
  layout: CacheLayout,
  left: readonly StoredTrace[],
  limits: Limits,
  isBusy: boolean,
): Leftover[] {
  const memosInUse = new Set(
    left.flatMap(({ trace }) => (trace ? [memoFolderName(trace.fingerprint.code)] : [])),
  );
  const { olderThanMs } = limits;
  return findLeftovers({
    layout,
    isBusy,
    memosInUse,
    ...(olderThanMs === undefined ? {} : { olderThanMs }),
  });
}

function reportOf(planned: Plan, store: Store): GcReport {
  const { census, evictions, keeps, usage, loose, orphans, leftovers, builds } = planned;
  const blobBytes = (digests: Iterable<Digest>, only = (_: Digest) => true) =>
    [...digests].filter(only).reduce((sum, each) => sum + (census.blobs.get(each)?.bytes ?? 0), 0);
  const traces = new Map(census.traces.map((each) => [each.key, each]));
  const goneBytes =
    blobBytes(loose) +
    evictions.reduce((sum, { key }) => sum + (traces.get(key)?.bytes ?? 0), 0) +
    leftovers.reduce((sum, { bytes }) => sum + bytes, 0);
  const { layout } = store;
  const folders = [layout.blobs, layout.traces, layout.memo, layout.checkpoints, layout.scratch];
  const own = [layout.index, layout.logs, layout.runs, layout.code];
  const beforeBytes = [...folders, ...own].reduce((sum, each) => sum + sizeOf(each), 0);
  return {
    beforeBytes,
    afterBytes: Math.max(0, beforeBytes - goneBytes),
    shownBytes: blobBytes(loose, (digest) => census.blobs.get(digest)?.isShown === true),
    evicted: evictions.map((each) => evictedOf(each, traces.get(each.key), usage)),
    orphans: { count: orphans.length, bytes: blobBytes(orphans) },
    leftovers,
    kept: {
      results: census.traces.length - evictions.length,
      pinned: keeps.pinned.size,
      current: census.traces.filter(({ key }) => keeps.current.has(key)).length,
      used: keeps.used.size,
    },
    builds: builds.map(({ owner }) => `process ${owner.pid} on ${owner.host}`),
  };
}

function evictedOf(
  eviction: Eviction,
  stored: StoredTrace | undefined,
  usage: Usage,
): EvictedResult {
  return {
    ...eviction,
    task: stored?.trace?.provenance.task ?? '(unreadable)',
    costMs: stored?.trace?.cost.wallMs ?? 0,
    lastUsedMs: stored === undefined ? 0 : useOf(stored, usage).lastMs,
  };
}

/**
 * Results go before their blobs: whatever stops us in between leaves blobs that nobody names, never
 * a result without its blobs. A build that named a key while we removed it gets the result back.
 */
async function apply(planned: Plan, store: Store): Promise<void> {
  const gone = new Set(planned.evictions.map(({ key }) => key));
  const removed = planned.census.traces.filter(({ key }) => gone.has(key));
  for (const { path } of removed) rmSync(path, { force: true });
  const needed = new Set<Digest>();
  for (const { keys } of await settledBuilds(store.layout.presence, 0)) {
    for (const each of removed.filter(({ key }) => keys?.has(key) === true)) {
      if (each.trace !== undefined) writeChecked(each.path, each.trace);
      for (const digest of each.blobs) needed.add(digest);
    }
  }
  for (const digest of planned.loose) {
    if (!needed.has(digest)) rmSync(store.blobs.path(digest), { force: true });
  }
  for (const { path } of planned.leftovers) rmSync(path, { recursive: true, force: true });
}
