/**
 * Builds announce themselves in the store, and name the keys that they use: so that cleaning leaves
 * alone what a running build has found and not read yet. Knows no task and removes nothing.
 *
 * `presence/<run>` is held like a lock (a dead build drops out by itself); `presence/<run>.keys`
 * lists keys, one a line, and each is there before the build looks it up. A build that only looks
 * things up writes no keys: it is over in a moment, and a cleaner waits for it.
 */
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDigest, type Key } from '../digest.ts';
import { writeWhole } from './atomic-file.ts';
import { isAbsence } from './checked-file.ts';
import { isLock, type LockOwner, openLocks } from './locks.ts';
import { namesIn } from './names-in.ts';

export interface Presence {
  /** Call before looking the key up. */
  note(key: Key): void;
  /** The same for many, each a line. */
  noteAll(keys: string): void;
  /** From now on the keys are on the disk: call before the first process starts. */
  publish(): void;
  leave(): void;
}

export interface Present {
  readonly run: string;
  readonly owner: LockOwner;
  /** Undefined while the build has published nothing. */
  readonly keys: ReadonlySet<Key> | undefined;
}

/** The lock of whoever cleans; builds wait for it before they look anything up. */
export const CLEANING = 'cleaning';

/** Waits while the store is being cleaned. Throws as the file system does. */
export async function announce(folder: string, run: string): Promise<Presence> {
  const locks = openLocks(folder);
  const lock = locks.tryAcquire(run);
  if (!isLock(lock)) throw new Error(`assert: two builds are called ${run}`);
  const file = keysFile(folder, run);
  let pending = '';
  let published: number | undefined;
  const leave = () => {
    lock.release();
    if (published === undefined) return;
    closeSync(published);
    rmSync(file, { force: true });
    published = undefined;
  };
  try {
    await locks.whenFree(CLEANING);
  } catch (error) {
    leave();
    throw error;
  }
  const noteAll = (keys: string) => {
    if (published === undefined) pending += keys;
    else writeWhole(published, Buffer.from(keys));
  };
  return {
    note: (key) => noteAll(`${key}\n`),
    noteAll,
    publish() {
      if (published !== undefined) return;
      presentBuilds(folder, run); // puts away what killed builds left
      published = openSync(file, 'a');
      writeWhole(published, Buffer.from(pending));
      pending = '';
    },
    leave,
  };
}

const keysFile = (folder: string, run: string) => join(folder, `${run}.keys`);

/** The builds that live now, without the one that asks. Sweeps away what dead ones left. */
export function presentBuilds(folder: string, own?: string): Present[] {
  const locks = openLocks(folder);
  const names = namesIn(folder).filter((name) => !/\.(?:keys|tmp|heir)$/.test(name));
  const present = names.flatMap((run): Present[] => {
    if (run === CLEANING || run === own) return [];
    const owner = locks.owner(run);
    if (owner !== undefined) return [{ run, owner, keys: readKeys(keysFile(folder, run)) }];
    const lock = locks.tryAcquire(run); // dead: taken over, and put away
    if (isLock(lock)) lock.release();
    rmSync(keysFile(folder, run), { force: true });
    return [];
  });
  return present;
}

/** Waits for builds that are still looking things up; gives those that published, or are slow. */
export async function settledBuilds(folder: string, patienceMs: number): Promise<Present[]> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const present = presentBuilds(folder);
    const isSettled = present.every(({ keys }) => keys !== undefined);
    if (isSettled || performance.now() > endMs) return present;
    await sleep(50);
  }
}

function readKeys(file: string): Set<Key> | undefined {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    return new Set(lines.filter(isDigest) as string[] as Key[]);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
