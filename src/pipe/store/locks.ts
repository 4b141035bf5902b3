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
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isTemporaryName, removeFile, temporaryName, writeWhole } from './atomic-file.ts';
import { isAbsence } from './checked-file.ts';
import { ownStampAt } from './file-stamp.ts';
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
  /** Tells those apart who are the same process: the name of its file, where it has one of its own. */
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
  const own = new OwnerFile(folder);
  return {
    tryAcquire: (name) => acquire(join(folder, name), own),
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

function acquire(path: string, own: OwnerFile): Lock | LockOwner {
  const lock = create(path, own);
  if (lock !== undefined) return lock;
  const holder = readOwner(path);
  if (holder === undefined) return acquire(path, own); // released between the two looks
  if (!isDead(path, holder)) return own.adopt(path, holder) ?? holder;
  return takeOver(path, own);
}

/**
 * Only one process may replace a dead owner's lock, and it must look again under that right: else a
 * slow rival, still thinking of the dead owner, would replace the lock of the next living one.
 */
function takeOver(path: string, own: OwnerFile): Lock | LockOwner {
  const right = acquire(`${path}.heir`, own);
  if (!isLock(right)) return right;
  try {
    const holder = readOwner(path);
    if (holder === undefined) return create(path, own) ?? acquire(path, own);
    if (!isDead(path, holder)) return holder;
    const temporary = temporaryName(path);
    const lock = create(temporary, own, path);
    if (lock === undefined) throw new Error(`assert: ${temporary} is taken`);
    renameSync(temporary, path);
    // Of an owner that is only silent it is not sure that it needs its file no more.
    if (livenessOf(holder) === 'dead' && isTemporaryName(holder.token))
      removeFile(join(dirname(path), basename(holder.token)));
    return lock;
  } finally {
    right.release();
  }
}

/** Makes the file `at`, which is to be the lock `path`; undefined if the name is taken. */
function create(at: string, own: OwnerFile, path = at): Lock | undefined {
  try {
    return own.link(at, path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (code === 'EEXIST') return undefined;
    if (NO_LINKS.includes(code)) return createInPlace(at, path);
    throw error;
  }
}

const NO_LINKS = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'];

/**
 * The file of which all locks that this process holds in a folder are names: so to take one is to
 * make a link, no reader ever sees half an owner, and one heartbeat serves them all. It is there for
 * as long as one of them is.
 */
class OwnerFile {
  readonly #folder: string;
  #written: Written | undefined;
  /** Paths of the locks that are held. */
  readonly #held = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws what `link(2)` throws. */
  link(at: string, path: string): Lock {
    this.#written ??= this.#write();
    const written = this.#written;
    written.users += 1;
    try {
      linkSync(written.path, at);
    } catch (error) {
      this.#leave(written);
      if (!isAbsence(error)) throw error;
      // Somebody removed it: what is held stays as it is, and the next are names of another file.
      if (this.#written === written) this.#written = undefined;
      return this.link(at, path);
    }
    return this.#hold(path, written);
  }

  /** A link that a network's server made, although it said that the name was taken: it had been asked twice. */
  adopt(path: string, owner: LockOwner): Lock | undefined {
    const written = this.#written;
    if (owner.token !== written?.owner.token || this.#held.has(path)) return undefined;
    written.users += 1;
    return this.#hold(path, written);
  }

  #hold(path: string, written: Written): Lock {
    this.#held.add(path);
    return {
      release: () => {
        this.#held.delete(path);
        releaseName(path, written);
        this.#leave(written);
      },
    };
  }

  #write(): Written {
    const name = temporaryName('owner');
    return writeOwner(join(this.#folder, name), name);
  }

  #leave(written: Written): void {
    written.users -= 1;
    if (written.users > 0) return;
    if (this.#written === written) this.#written = undefined;
    stopBeating(written);
    removeFile(written.path);
  }
}

/** An owner's file, open for the heartbeat. */
interface Written {
  readonly path: string;
  readonly owner: LockOwner;
  readonly file: number;
  readonly inode: number;
  readonly timer: NodeJS.Timeout;
  /** The locks that are names of it, and those that are being taken. */
  users: number;
}

function writeOwner(path: string, token: string): Written {
  const owner: LockOwner = { ...ownIdentity(), token };
  const file = inFolder(path, () => openSync(path, 'wx'));
  try {
    writeWhole(file, Buffer.from(`${JSON.stringify(owner)}\n`));
    const timer = setInterval(() => beat(file), HEARTBEAT_MS);
    timer.unref();
    return { path, owner, file, inode: fstatSync(file).ino, timer, users: 0 };
  } catch (error) {
    closeSync(file);
    removeFile(path);
    throw error;
  }
}

function stopBeating({ timer, file }: Written): void {
  clearInterval(timer);
  closeSync(file);
}

/** For folders without hard links (SMB, exFAT): a reader may find the owner half-written. */
function createInPlace(at: string, path: string): Lock | undefined {
  let written: Written;
  try {
    written = writeOwner(at, temporaryName('owner'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return undefined;
    throw error;
  }
  return {
    release() {
      stopBeating(written);
      releaseName(path, written);
    },
  };
}

/** Whoever takes a lock over puts another file in its place. */
function releaseName(path: string, { inode, owner }: Written): void {
  // Larger numbers are not exact, and another file's may seem to be the same.
  const isTelling = inode <= Number.MAX_SAFE_INTEGER;
  const isSame = isTelling && ownStampAt(path)?.inode === inode;
  const isOurs = isSame || readOwner(path)?.token === owner.token;
  if (isOurs) removeFile(path);
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
