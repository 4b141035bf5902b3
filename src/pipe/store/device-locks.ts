/**
 * One lock a gpu device, between the runs of one user on one machine, whatever their stores: two that
 * train on one device may both fail for want of its memory. Knows no task.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileNameOf } from './cache-layout.ts';
import { isLock, type Lock, type LockOwner, openLocks } from './locks.ts';

export interface HeldDevices {
  readonly names: readonly string[];
  release(): void;
}

export interface DeviceLocks {
  /** So many of the devices that are named, or whoever holds the first one that is missing. */
  tryTake(names: readonly string[], count: number): HeldDevices | LockOwner;
}

export function openDeviceLocks(folder = ownFolder()): DeviceLocks {
  const locks = openLocks(folder);
  return {
    tryTake(names, count) {
      const held = new Map<string, Lock>();
      let other: LockOwner | undefined;
      for (const name of names) {
        if (held.size === count) break;
        const lock = locks.tryAcquire(fileNameOf(name));
        if (isLock(lock)) held.set(name, lock);
        else other ??= lock;
      }
      const release = () => {
        for (const lock of held.values()) lock.release();
      };
      if (held.size === count || other === undefined) return { names: [...held.keys()], release };
      release(); // nobody waits for some while holding others
      return other;
    },
  };
}

function ownFolder(): string {
  return join(tmpdir(), `pipe-devices-${process.getuid?.() ?? 'own'}`);
}
