/**
 * One lock a gpu device, between the runs of one user on one machine, whatever their stores: two that
 * train on one device may both fail for want of its memory. Knows no task.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isTemporaryName, removeFile } from './atomic-file.ts';
import { fileNameOf } from './cache-layout.ts';
import { ownStampAt } from './file-stamp.ts';
import { isLock, type Lock, type LockOwner, openLocks } from './locks.ts';
import { namesIn } from './names-in.ts';

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
  let isSwept = false;
  return {
    tryTake(names, count) {
      if (!isSwept) sweep(folder);
      isSwept = true;
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

/** No store's cleaning comes here. Who lives touches its file every few seconds. */
function sweep(folder: string): void {
  for (const name of namesIn(folder).filter(isTemporaryName)) {
    const path = join(folder, name);
    const stamp = ownStampAt(path);
    if (stamp !== undefined && Date.now() - stamp.mtimeMs > SILENT_MS) removeFile(path);
  }
}

const SILENT_MS = 24 * 3_600_000;

function ownFolder(): string {
  return join(tmpdir(), `pipe-devices-${process.getuid?.() ?? 'own'}`);
}
