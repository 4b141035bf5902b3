/**
 * What must not be cleaned away: `pins/<name>.json`, one for each task or key that someone pinned.
 * Knows no trace.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Key } from '../digest.ts';
import { fileNameOf } from './cache-layout.ts';
import { readChecked, writeChecked } from './checked-file.ts';
import { namesIn } from './names-in.ts';

export interface Pin {
  /** The task or key as it was named. */
  readonly name: string;
  /** The keys that this meant when it was pinned. */
  readonly keys: readonly Key[];
  readonly pinnedAt: string;
}

export function putPin(folder: string, pin: Pin): void {
  writeChecked(fileOf(folder, pin.name), pin);
}

/** False if there was no such pin. */
export function removePin(folder: string, name: string): boolean {
  const found = pinsIn(folder).some((pin) => pin.name === name);
  rmSync(fileOf(folder, name), { force: true });
  return found;
}

/** In the order of their names. */
export function pinsIn(folder: string): Pin[] {
  const names = namesIn(folder).filter((name) => name.endsWith('.json'));
  return names.sort().flatMap((name) => {
    const pin = readChecked(join(folder, name)) as Pin | undefined;
    return pin === undefined ? [] : [pin];
  });
}

const fileOf = (folder: string, name: string) => join(folder, `${fileNameOf(name)}.json`);
