/**
 * One lock a key, between the processes (of any machine) that share the store: `locks/<key>` holds
 * its owner. Knows no task. A dead owner's lock is taken over, so nobody ever needs to unlock.
 *
 * A process of this machine is asked for by its pid and start time. One of another machine proves
 * that it lives by touching its lock; how long it has been silent is measured by the clock of the
 * file server alone, so that machines need not agree on the time.
 *
 * Locks only save work: outputs are content-addressed and traces appear whole, so two owners at
 * once (a machine that slept through its heartbeats, a network folder that lies about links) would
 * build the same thing twice, no worse.
 */
import {
  closeSync,
  fstatSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { removeFile, temporaryName, writeWhole } from './atomic-file.ts';
import { isAbsence } from './checked-file.ts';
import { inFolder } from './in-folder.ts';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.ts';
import { serverNow } from './server-clock.ts';

export interface Lock {
  release(): void;
}

export interface Locks {
  /** The lock, or who holds it. */
  tryAcquire(name: string): Lock | LockOwner;
  /** Resolves when nobody alive holds the lock; it may be taken again right after. */
  whenFree(name: string, signal?: AbortSignal): Promise<void>;
  /** Its living owner, if it has one. */
  owner(name: string): LockOwner | undefined;
}

export interface LockOwner extends ProcessIdentity {
  /** Tells two locks of one process apart. */
  readonly token: string;
}

const HEARTBEAT_MS = 5_000;
const SILENCE_MS = 60_000;
/** Where a lock can't be linked into place whole, its owner is written within this time. */
const WRITING_MS = 2_000;
const POLL_MS = { first: 10, most: 200 };

export function isLock(result: Lock | LockOwner): result is Lock {
  return 'release' in result;
}

export function openLocks(folder: string): Locks {
  return {
    tryAcquire: (name) => acquire(join(folder, name)),
    async whenFree(name, signal) {
      const path = join(folder, name);
      let waitMs = POLL_MS.first;
      while (livingOwner(path) !== undefined) {
        await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
        waitMs = Math.min(waitMs * 1.5, POLL_MS.most);
      }
    },
    owner: (name) => livingOwner(join(folder, name)),
  };
}

let serial = 0;

function acquire(path: string): Lock | LockOwner {
  serial += 1;
  const owner: LockOwner = { ...ownIdentity(), token: `${process.pid}.${serial}.${Date.now()}` };
  const file = create(path, owner);
  if (file !== undefined) return hold(path, owner, file);
  const holder = readOwner(path);
  if (holder === undefined) return acquire(path); // released between the two looks
  if (!isDead(path, holder)) return holder;
  return takeOver(path, owner, holder);
}

/**
 * Only one process may replace a dead owner's lock, and it must look again under that right: else a
 * slow rival, still thinking of the dead owner, would replace the lock of the next living one.
 */
function takeOver(path: string, owner: LockOwner, dead: LockOwner): Lock | LockOwner {
  const right = acquire(`${path}.heir`);
  if (!isLock(right)) return right;
  try {
    const holder = readOwner(path);
    if (holder === undefined) {
      const file = create(path, owner);
      return file === undefined ? acquire(path) : hold(path, owner, file);
    }
    if (holder.token !== dead.token) return isDead(path, holder) ? acquire(path) : holder;
    const { temporary, file } = writeOwner(path, owner);
    renameSync(temporary, path);
    return hold(path, owner, file);
  } finally {
    right.release();
  }
}

/**
 * Links a file that is already whole to the lock's name: no reader ever sees half an owner. The open
 * file is for the heartbeat; undefined if the name is taken.
 */
function create(path: string, owner: LockOwner): number | undefined {
  const { temporary, file } = writeOwner(path, owner);
  try {
    linkSync(temporary, path);
    return file;
  } catch (error) {
    closeSync(file);
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') return undefined;
    if (NO_LINKS.includes(code)) return createInPlace(path, owner);
    throw error;
  } finally {
    removeFile(temporary);
  }
}

/** False once a folder for locks was seen that knows no hard links. */
let hasLinks = true;

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/** For folders without hard links (SMB, exFAT): a reader may find the owner half-written. */
function createInPlace(path: string, owner: LockOwner): number | undefined {
  hasLinks = false;
  let file: number;
  try {
    file = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  try {
    writeWhole(file, ownerBytes(owner));
    return file;
  } catch (error) {
    closeSync(file);
    removeFile(path);
    throw error;
  }
}

function writeOwner(path: string, owner: LockOwner): { temporary: string; file: number } {
  const temporary = temporaryName(path);
  const file = inFolder(temporary, () => openSync(temporary, 'wx'));
  try {
    writeWhole(file, ownerBytes(owner));
    return { temporary, file };
  } catch (error) {
    closeSync(file);
    removeFile(temporary);
    throw error;
  }
}

const ownerBytes = (owner: LockOwner) => Buffer.from(`${JSON.stringify(owner)}\n`);

function hold(path: string, owner: LockOwner, file: number): Lock {
  const timer = setInterval(() => beat(file), HEARTBEAT_MS);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      const isOurs = isLinked(file) ?? readOwner(path)?.token === owner.token;
      closeSync(file);
      if (isOurs) removeFile(path);
    },
  };
}

/**
 * Whoever takes a lock over puts another file in its place, which leaves ours without a name.
 * Undefined where the file system does not count names, or the server does not know the file any more.
 */
function isLinked(file: number): boolean | undefined {
  if (!hasLinks) return undefined;
  try {
    return fstatSync(file).nlink > 0;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined; // as ESTALE: the name itself then tells whose it is
  }
}

/**
 * Writes the first byte anew: it is what it was, but the server stamps the file with its own time.
 * The open file is ours even where another process has taken the name over.
 */
function beat(file: number): void {
  try {
    writeSync(file, '{', 0);
  } catch {
    // A full disk, or a server that is away for a moment: a missed beat costs double work at worst.
  }
}

function livingOwner(path: string): LockOwner | undefined {
  const owner = readOwner(path);
  return owner === undefined || isDead(path, owner) ? undefined : owner;
}

function isDead(path: string, owner: LockOwner): boolean {
  if (owner === TORN) return silenceMs(path) > WRITING_MS;
  const liveness = livenessOf(owner);
  if (liveness !== 'unknown') return liveness === 'dead';
  return silenceMs(path) > SILENCE_MS;
}

/** The mtimes that we saw, and since when by our own monotonic clock. */
const seen = new Map<string, { readonly mtimeMs: number; readonly sinceMs: number }>();

/**
 * None if the lock was released just now. A clock that was set back can leave a file in the future:
 * so a lock that we saw untouched for a while is silent too, whatever its time says.
 */
function silenceMs(path: string): number {
  try {
    const { mtimeMs } = statSync(path);
    const before = seen.get(path);
    if (before?.mtimeMs !== mtimeMs) seen.set(path, { mtimeMs, sinceMs: performance.now() });
    const watchedMs = before?.mtimeMs === mtimeMs ? performance.now() - before.sinceMs : 0;
    return Math.max(serverNow(dirname(path)) - mtimeMs, watchedMs);
  } catch (error) {
    if (isAbsence(error)) return 0;
    throw error;
  }
}

/** An owner that is still being written, or whose machine crashed while it was. */
const TORN: LockOwner = { pid: 0, start: '', host: '', token: 'torn' };

function readOwner(path: string): LockOwner | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  try {
    const owner = JSON.parse(text) as LockOwner;
    return typeof owner?.token === 'string' ? owner : TORN;
  } catch {
    return TORN;
  }
}
