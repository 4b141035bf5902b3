/**
 * Which files made which bundle, by their stats, so that unchanged stages need no bundler. Knows no
 * bundler and no stage.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { Digest } from '../digest.ts';
import { readChecked, writeChecked } from '../store/checked-file.ts';
import { type FileStamp, stampAt } from '../store/file-stamp.ts';

/** Raised when bundles are made in another way, so that what was remembered is forgotten. */
const MANIFEST_SCHEMA = 4;

export interface Remembered {
  readonly digest: Digest;
  readonly packages: { readonly [name: string]: string };
  /** Absolute path → stat mark of every file that can change the bundle or its packages. */
  readonly files: { readonly [path: string]: string };
  /** The stage's description, which is not in the bundle. */
  readonly description?: string;
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
  const stamp = stampAt(path);
  if (stamp === undefined) return ABSENT;
  return `${stamp.size} ${stamp.mtimeMs} ${stamp.ctimeMs} ${stamp.inode}`;
}

const ABSENT = 'absent';

/** What a mark says; undefined for a file that was not there. */
export function stampOfMark(mark: string): FileStamp | undefined {
  if (mark === ABSENT) return undefined;
  const [size = 0, mtimeMs = 0, ctimeMs = 0, inode = 0] = mark.split(' ').map(Number);
  return { size, mtimeMs, ctimeMs, inode };
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
