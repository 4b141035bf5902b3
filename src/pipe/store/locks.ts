/**
 * One lock a key, between the processes (of any machine) that share the store: `locks/<key>` holds
 * its owner. Knows no task. A dead owner's lock is taken over, so nobody ever needs to unlock.
 *
 * Locks only save work: outputs are content-addressed and traces appear whole, so two owners at
 * once (a machine that slept through its heartbeats) would build the same thing twice, no worse.
 */
import {
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryName } from './atomic-file.ts';
import { isAbsence } from './checked-file.ts';
import { livenessOf, ownIdentity, type ProcessIdentity } from './process-identity.ts';

export interface Lock {
  release(): void;
}

export interface Locks {
  /** The lock, or who holds it. */
  tryAcquire(name: string): Lock | LockOwner;
  /** Resolves when nobody alive holds the lock; it may be taken again right after. */
  whenFree(name: string, signal?: AbortSignal): Promise<void>;
}

export interface LockOwner extends ProcessIdentity {
  /** Tells two locks of one process apart. */
  readonly token: string;
}

const HEARTBEAT_MS = 5_000;
const SILENCE_MS = 60_000;
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
      while (isHeld(path)) {
        await sleep(waitMs, undefined, signal === undefined ? {} : { signal });
        waitMs = Math.min(waitMs * 1.5, POLL_MS.most);
      }
    },
  };
}

let serial = 0;

function acquire(path: string): Lock | LockOwner {
  serial += 1;
  const owner: LockOwner = { ...ownIdentity(), token: `${process.pid}.${serial}.${Date.now()}` };
  if (create(path, owner)) return hold(path, owner);
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
    if (holder === undefined) return create(path, owner) ? hold(path, owner) : acquire(path);
    if (holder.token !== dead.token) return holder;
    const temporary = writeOwner(path, owner);
    renameSync(temporary, path);
    return hold(path, owner);
  } finally {
    right.release();
  }
}

/** Links a file that is already whole to the lock's name: no reader ever sees half an owner. */
function create(path: string, owner: LockOwner): boolean {
  const temporary = writeOwner(path, owner);
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeOwner(path: string, owner: LockOwner): string {
  const temporary = temporaryName(path);
  mkdirSync(dirname(temporary), { recursive: true });
  writeFileSync(temporary, JSON.stringify(owner), { flag: 'wx' });
  return temporary;
}

function hold(path: string, owner: LockOwner): Lock {
  const timer = setInterval(() => beat(path), HEARTBEAT_MS);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      if (readOwner(path)?.token === owner.token) rmSync(path, { force: true });
    },
  };
}

function beat(path: string): void {
  const now = Date.now() / 1000;
  try {
    utimesSync(path, now, now);
  } catch (error) {
    if (!isAbsence(error)) throw error; // a removed lock folder costs double work at worst
  }
}

function isHeld(path: string): boolean {
  const owner = readOwner(path);
  return owner !== undefined && !isDead(path, owner);
}

function isDead(path: string, owner: LockOwner): boolean {
  const liveness = livenessOf(owner);
  if (liveness !== 'unknown') return liveness === 'dead';
  try {
    return Date.now() - statSync(path).mtimeMs > SILENCE_MS;
  } catch (error) {
    if (isAbsence(error)) return false; // released just now
    throw error;
  }
}

/** An unreadable lock file (a crash of the machine itself) belongs to nobody alive. */
function readOwner(path: string): LockOwner | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as LockOwner;
  } catch {
    return { pid: 0x7fffffff, start: '', host: ownIdentity().host, token: 'torn' };
  }
}
