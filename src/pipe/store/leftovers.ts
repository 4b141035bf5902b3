/**
 * What lies in a store and serves nobody any more: temporary files of dead processes, scratch of
 * dead engines, memories of code that made nothing that is left, old checkpoints, logs, records and
 * bundles. Knows no value and removes nothing itself.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { isTemporaryName } from './atomic-file.ts';
import type { CacheLayout } from './cache-layout.ts';
import { sizeOf } from './census.ts';
import { readChecked } from './checked-file.ts';
import { openLocks } from './locks.ts';
import { namesIn } from './names-in.ts';
import { livenessOf } from './process-identity.ts';
import { serverNow } from './server-clock.ts';

export type LeftoverKind =
  | 'temporary'
  | 'scratch'
  | 'lock'
  | 'memo'
  | 'checkpoint'
  | 'log'
  | 'record'
  | 'code'
  | 'plan';

export interface Leftover {
  readonly kind: LeftoverKind;
  readonly path: string;
  readonly bytes: number;
}

export interface LeftoverOptions {
  readonly layout: CacheLayout;
  /** Builds are running: what is young may be theirs. */
  readonly isBusy: boolean;
  /** Memos (by folder name) of code that a kept result was made with. */
  readonly memosInUse: ReadonlySet<string>;
  /** Instead of the ages below, for all but temporary files. */
  readonly olderThanMs?: number;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** How long a thing is left alone although nobody seems to need it. */
const AGE_MS = { memo: 7 * DAY_MS, code: 7 * DAY_MS, checkpoint: 30 * DAY_MS, plan: 30 * DAY_MS };
const LOG_AGE_MS = 30 * DAY_MS;
/** The newest runs keep their logs and records at any age. */
const RUNS_KEPT = { log: 50, record: 200 };

export function findLeftovers(options: LeftoverOptions): Leftover[] {
  const { layout } = options;
  const clock = openClock(layout.root);
  return [
    ...temporaryFiles(options, clock),
    ...deadScratch(options, clock),
    ...deadLocks(layout),
    ...oldMemos(options, clock),
    ...oldEntries('checkpoint', layout.checkpoints, options, clock),
    ...oldRuns(options, clock),
    ...oldCode(options, clock),
    ...oldEntries('plan', join(layout.code, '..', 'plan'), options, clock),
  ];
}

type Clock = (path: string) => number;

/** Milliseconds since the newest change of a file, or of the files in a folder. */
function openClock(folder: string): Clock {
  const nowMs = serverNow(folder);
  const newest = (path: string): number => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return nowMs;
    if (!stat.isDirectory()) return stat.mtimeMs;
    const inside = namesIn(path).map((name) => newest(join(path, name)));
    return Math.max(stat.mtimeMs, ...inside);
  };
  return (path) => nowMs - newest(path);
}

const leftover = (kind: LeftoverKind, path: string): Leftover => ({
  kind,
  path,
  bytes: sizeOf(path),
});

function temporaryFiles({ layout, isBusy }: LeftoverOptions, clock: Clock): Leftover[] {
  const limitMs = isBusy ? DAY_MS : 60_000;
  const folders = [layout.blobs, layout.traces, layout.memo, layout.checkpoints, layout.locks];
  const flat = [layout.index, layout.logs, layout.runs, layout.code, layout.presence];
  const all = new Set([...folders, ...flat, layout.projects, layout.pins, layout.root]);
  const found: Leftover[] = [];
  const visit = (folder: string, depth: number) => {
    for (const name of namesIn(folder)) {
      const path = join(folder, name);
      if (isTemporaryName(name) && clock(path) > limitMs) found.push(leftover('temporary', path));
      else if (depth > 0 && isFolder(path)) visit(path, depth - 1);
    }
  };
  for (const folder of all) visit(folder, folder === layout.root ? 0 : 1);
  return found;
}

function isFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** `<key>~<host>~<pid>~<number>`; of another host's engine nobody knows but by its silence. */
function deadScratch({ layout, isBusy }: LeftoverOptions, clock: Clock): Leftover[] {
  return namesIn(layout.scratch).flatMap((name) => {
    const path = join(layout.scratch, name);
    const [, host = '', pid] = name.split('~');
    const liveness = livenessOf({ host: decodeURIComponent(host), pid: Number(pid), start: '' });
    if (liveness === 'alive') return [];
    const isSilent = clock(path) > (isBusy ? 7 * DAY_MS : HOUR_MS);
    return liveness === 'dead' || isSilent ? [leftover('scratch', path)] : [];
  });
}

function deadLocks({ locks: folder }: CacheLayout): Leftover[] {
  const locks = openLocks(folder);
  const names = namesIn(folder).filter((name) => !isTemporaryName(name));
  const dead = names.filter((name) => locks.owner(name) === undefined);
  return dead.map((name) => leftover('lock', join(folder, name)));
}

function oldMemos(options: LeftoverOptions, clock: Clock): Leftover[] {
  const { layout, memosInUse } = options;
  const unused = namesIn(layout.memo).filter((name) => !memosInUse.has(name));
  return oldOnes('memo', layout.memo, unused, options, clock);
}

function oldEntries(
  kind: 'checkpoint' | 'plan',
  folder: string,
  options: LeftoverOptions,
  clock: Clock,
): Leftover[] {
  return oldOnes(kind, folder, namesIn(folder), options, clock);
}

function oldOnes(
  kind: keyof typeof AGE_MS,
  folder: string,
  names: readonly string[],
  options: LeftoverOptions,
  clock: Clock,
): Leftover[] {
  const limitMs = options.olderThanMs ?? AGE_MS[kind];
  const paths = names.map((name) => join(folder, name));
  return paths.filter((path) => clock(path) > limitMs).map((path) => leftover(kind, path));
}

function oldRuns({ layout, olderThanMs = LOG_AGE_MS }: LeftoverOptions, clock: Clock): Leftover[] {
  const of = (kind: 'log' | 'record', folder: string) => {
    // Run ids sort by time.
    const names = namesIn(folder).filter((name) => /^\d{8}T\d+/.test(name));
    const older = names.sort().reverse().slice(RUNS_KEPT[kind]);
    const paths = older.map((name) => join(folder, name));
    return paths.filter((path) => clock(path) > olderThanMs).map((path) => leftover(kind, path));
  };
  return [...of('log', layout.logs), ...of('record', layout.runs)];
}

/** Bundles that the manifest no longer names. */
function oldCode(options: LeftoverOptions, clock: Clock): Leftover[] {
  const { code } = options.layout;
  const manifest = readChecked(join(code, 'manifest.json')) as
    | { readonly modules?: { readonly [path: string]: { readonly digest: string } } }
    | undefined;
  if (manifest?.modules === undefined) return [];
  const used = new Set(Object.values(manifest.modules).map(({ digest }) => digest));
  const bundles = namesIn(code).filter((name) => /^[0-9a-f]{64}\./.test(name));
  const unused = bundles.filter((name) => !used.has(name.slice(0, 64)));
  return oldOnes('code', code, unused, options, clock);
}
