import { spawn } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { isLock, type Lock, openLocks } from '../../src/pipe/store/locks.ts';
import { ownIdentity } from '../../src/pipe/store/process-identity.ts';
import { temporaryFolder } from './temporary.ts';

function taken(result: unknown): Lock {
  expect(isLock(result as Lock)).toBe(true);
  return result as Lock;
}

function leaveLock(folder: string, owner: object): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'key');
  writeFileSync(path, JSON.stringify({ ...ownIdentity(), token: 'theirs', ...owner }));
  return path;
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((done) => child.on('exit', done));
  return child.pid as number;
}

describe('locks', () => {
  it('gives a key to one owner at a time', async () => {
    const locks = openLocks(temporaryFolder());
    const lock = taken(locks.tryAcquire('key'));
    expect(locks.tryAcquire('key')).toMatchObject({ pid: process.pid });
    taken(locks.tryAcquire('other')).release();
    let free = false;
    const waiting = locks.whenFree('key').then(() => {
      free = true;
    });
    await new Promise((done) => setTimeout(done, 30));
    expect(free).toBe(false);
    lock.release();
    await waiting;
    taken(locks.tryAcquire('key')).release();
  });

  it('takes over from a dead process, and from a pid that is another process now', async () => {
    const folder = temporaryFolder();
    const locks = openLocks(folder);
    leaveLock(folder, { pid: await deadPid() });
    taken(locks.tryAcquire('key')).release();
    leaveLock(folder, { start: 'another time' });
    taken(locks.tryAcquire('key')).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes over from another machine only after a long silence', () => {
    const folder = temporaryFolder();
    const locks = openLocks(folder);
    const path = leaveLock(folder, { host: 'elsewhere' });
    expect(locks.tryAcquire('key')).toMatchObject({ host: 'elsewhere' });
    const longAgo = Date.now() / 1000 - 120;
    utimesSync(path, longAgo, longAgo);
    taken(locks.tryAcquire('key')).release();
  });

  it('reads a torn lock file as nobody alive', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'key');
    writeFileSync(path, '{"pid":');
    expect(isLock(openLocks(folder).tryAcquire('key'))).toBe(false); // it may be being written
    const before = Date.now() / 1000 - 3;
    utimesSync(path, before, before);
    taken(openLocks(folder).tryAcquire('key')).release();
  });

  it('does not remove a lock that is another owner’s by now', () => {
    const folder = temporaryFolder();
    const lock = taken(openLocks(folder).tryAcquire('key'));
    rmSync(join(folder, 'key')); // taken over: another file has the name
    const path = leaveLock(folder, { token: 'new owner' });
    lock.release();
    expect(existsSync(path)).toBe(true);
  });

  it('makes all locks of a process names of one file, which goes with the last of them', () => {
    const folder = temporaryFolder();
    const locks = openLocks(folder);
    const held = ['a', 'b', 'c'].map((name) => taken(locks.tryAcquire(name)));
    const inodes = readdirSync(folder).map((name) => statSync(join(folder, name)).ino);
    expect(inodes).toHaveLength(4);
    expect(new Set(inodes).size).toBe(1);
    held[1]?.release();
    expect(locks.owner('b')).toBeUndefined();
    expect(locks.owner('c')).toMatchObject({ pid: process.pid });
    held[0]?.release();
    held[2]?.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('takes the link that a server made twice asked for its own', () => {
    const folder = temporaryFolder();
    const locks = openLocks(folder);
    const other = taken(locks.tryAcquire('other'));
    linkSync(join(folder, 'other'), join(folder, 'key'));
    const lock = taken(locks.tryAcquire('key'));
    expect(isLock(locks.tryAcquire('key'))).toBe(false);
    lock.release();
    other.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('keeps the heart of a lock beating where somebody removed the file that it is a name of', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const folder = temporaryFolder();
      const locks = openLocks(folder);
      const held = taken(locks.tryAcquire('held'));
      for (const name of readdirSync(folder)) {
        if (name.startsWith('owner.')) rmSync(join(folder, name));
      }
      const next = taken(locks.tryAcquire('next'));
      const longAgo = Date.now() / 1000 - 120;
      const age = () => Date.now() - statSync(join(folder, 'held')).mtimeMs;
      utimesSync(join(folder, 'held'), longAgo, longAgo);
      expect(age()).toBeGreaterThan(100_000);
      vi.advanceTimersByTime(6_000);
      expect(age()).toBeLessThan(60_000);
      held.release();
      next.release();
      expect(readdirSync(folder)).toEqual([]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  it('goes on where somebody cleared the folder', () => {
    const folder = temporaryFolder();
    const locks = openLocks(folder);
    const lost = taken(locks.tryAcquire('lost'));
    rmSync(folder, { recursive: true });
    const next = taken(locks.tryAcquire('next'));
    lost.release();
    expect(locks.owner('next')).toMatchObject({ pid: process.pid });
    next.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('puts away what a dead owner wrote, when its lock is taken over', async () => {
    const folder = temporaryFolder();
    const token = `owner.${await deadPid()}.1.abc.tmp`;
    const path = leaveLock(folder, { pid: await deadPid(), token });
    linkSync(path, join(folder, token));
    taken(openLocks(folder).tryAcquire('key')).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('stops waiting on abort', async () => {
    const locks = openLocks(temporaryFolder());
    const lock = taken(locks.tryAcquire('key'));
    const stop = new AbortController();
    const waiting = locks.whenFree('key', stop.signal);
    stop.abort();
    await expect(waiting).rejects.toThrow(/abort/i);
    lock.release();
  });
});

describe('locks of other machines', () => {
  it('measures silence by the clock of the folder, not by its own', async () => {
    const folder = temporaryFolder();
    const path = leaveLock(folder, { host: 'elsewhere' });
    const realNow = Date.now;
    Date.now = () => realNow() + 3_600_000; // this machine runs an hour ahead of the file server
    try {
      expect(openLocks(folder).tryAcquire('key')).toMatchObject({ host: 'elsewhere' });
      expect(openLocks(folder).owner('key')).toMatchObject({ host: 'elsewhere' });
    } finally {
      Date.now = realNow;
    }
    expect(existsSync(path)).toBe(true);
  });

  it('does not wait for ever for a dead lock whose time lies in the future', () => {
    const folder = temporaryFolder();
    const path = leaveLock(folder, { host: 'elsewhere' });
    const tomorrow = Date.now() / 1000 + 86_400;
    utimesSync(path, tomorrow, tomorrow);
    const locks = openLocks(folder);
    expect(isLock(locks.tryAcquire('key'))).toBe(false);
    const realNow = performance.now;
    performance.now = () => realNow.call(performance) + 61_000;
    try {
      taken(locks.tryAcquire('key')).release();
    } finally {
      performance.now = realNow;
    }
  });

  it('gives the lock of a silent owner to one of two heirs, also beside a dead heir', async () => {
    const folder = temporaryFolder();
    const path = leaveLock(folder, { host: 'elsewhere' });
    writeFileSync(
      `${path}.heir`,
      JSON.stringify({ ...ownIdentity(), pid: await deadPid(), token: 'dead heir' }),
    );
    const longAgo = Date.now() / 1000 - 120;
    utimesSync(path, longAgo, longAgo);
    const locks = openLocks(folder);
    const first = taken(locks.tryAcquire('key'));
    expect(isLock(locks.tryAcquire('key'))).toBe(false);
    first.release();
    expect(readdirSync(folder)).toEqual([]);
  });
});
