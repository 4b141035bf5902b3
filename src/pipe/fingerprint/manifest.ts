/**
 * Which files made which bundle, by their stats, so that unchanged stages need no bundler. Knows no
 * bundler and no stage.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../digest.ts';
import { readChecked, writeChecked } from '../store/checked-file.ts';

/** Raised when bundles are made in another way, so that what was remembered is forgotten. */
const MANIFEST_SCHEMA = 2;

export interface Remembered {
  readonly digest: Digest;
  readonly packages: { readonly [name: string]: string };
  /** Absolute path → stat mark of every file that can change the bundle or its packages. */
  readonly files: { readonly [path: string]: string };
}

interface Manifest {
  readonly schema: number;
  readonly modules: { readonly [path: string]: Remembered };
}

export function readManifest(folder: string): Manifest {
  const manifest = readChecked(join(folder, 'manifest.json')) as Manifest | undefined;
  const isUsable = manifest?.schema === MANIFEST_SCHEMA;
  return isUsable ? manifest : { schema: MANIFEST_SCHEMA, modules: {} };
}

export function writeManifest(folder: string, modules: Manifest['modules']): void {
  const manifest: Manifest = { schema: MANIFEST_SCHEMA, modules };
  writeChecked(join(folder, 'manifest.json'), manifest);
}

/** Size, times and identity of a file; `absent` if there is none. */
export function statMark(path: string): string {
  const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stat ? `${stat.size} ${stat.mtimeNs} ${stat.ctimeNs} ${stat.ino}` : 'absent';
}

export function isCurrent(remembered: Remembered): boolean {
  return Object.entries(remembered.files).every(([path, mark]) => statMark(path) === mark);
}

/** File systems keep times in ticks of up to some milliseconds. */
const TICK_MS = 20;

export function isSettled(remembered: Remembered, startedAt: number): boolean {
  return Object.keys(remembered.files).every((path) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat === undefined || Math.max(stat.mtimeMs, stat.ctimeMs) < startedAt - TICK_MS;
  });
}
