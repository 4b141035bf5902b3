/**
 * What is compared to see whether a file may have changed since it was looked at. Knows no content.
 *
 * Plain numbers: `lstat` with bigints takes twice as long, and a double holds a time of today to a
 * quarter of a microsecond, far below the ticks in which file systems count.
 */
import { type Dirent, lstatSync, type Stats, statSync } from 'node:fs';
import { type Look, openLook } from './quick-stat.ts';

export interface FileStamp {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
}

export function stampOf({ size, mtimeMs, ctimeMs, ino }: Stats): FileStamp {
  return { size, mtimeMs, ctimeMs, inode: ino };
}

/** Of what the path leads to; undefined if there is nothing. */
export function stampAt(path: string): FileStamp | undefined {
  return stamp(path, true);
}

/** Of the path itself, which may be a link. */
export function ownStampAt(path: string): FileStamp | undefined {
  return stamp(path, false);
}

/** Whether there is something that can be looked at. `access` takes longer: it changes whose rights count. */
export function isThere(path: string): boolean {
  look ??= openLook(process.execPath);
  return look.at(path, true);
}

/** What a name stands for. */
export interface Entry {
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly size: number;
  /** How many names it has. */
  readonly names: number;
  readonly isExecutable: boolean;
}

/** Of the path itself, which may be a link; undefined if there is nothing. */
export function ownEntryAt(path: string): Entry | undefined {
  return entry(path, false);
}

/** Of what the path leads to; undefined if there is nothing. */
export function entryAt(path: string): Entry | undefined {
  return entry(path, true);
}

/** Whether a folder is there itself, and not a link to one. */
export function isOwnFolder(path: string): boolean {
  return ownEntryAt(path)?.kind === 'folder';
}

const TYPE_BITS = 0o170000;
const KINDS: ReadonlyMap<number, Entry['kind']> = new Map([
  [0o100000, 'file'],
  [0o040000, 'folder'],
  [0o120000, 'link'],
]);
const EXECUTABLE_BITS = 0o111;

function entry(path: string, follow: boolean): Entry | undefined {
  const found = lookAt(path, follow);
  if (found === undefined) return undefined;
  const [size = 0, , , , mode = 0, names = 0] = found;
  const kind = KINDS.get(mode & TYPE_BITS) ?? 'other';
  return { kind, size, names, isExecutable: (mode & EXECUTABLE_BITS) !== 0 };
}

function stamp(path: string, follow: boolean): FileStamp | undefined {
  const found = lookAt(path, follow);
  if (found === undefined) return undefined;
  const [size = 0, mtimeMs = 0, ctimeMs = 0, inode = 0] = found;
  return { size, mtimeMs, ctimeMs, inode };
}

let look: Look | undefined;

/** Undefined where nothing is; what can't be looked at is said by an error. Holds until the next look. */
function lookAt(path: string, follow: boolean): Float64Array | undefined {
  look ??= openLook(process.execPath);
  if (!look.at(path, follow)) {
    if (!look.wasRefused()) return undefined;
    sayWhy(path, follow);
    if (!look.at(path, follow)) return undefined;
  }
  return look.found;
}

/** The ordinary way says by an error why it can't be looked at. */
function sayWhy(path: string, follow: boolean): void {
  try {
    (follow ? statSync : lstatSync)(path, { throwIfNoEntry: false });
  } catch (error) {
    // A folder on the way to it is a file now.
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
  }
}

export function sameStamp(left: FileStamp, right: FileStamp): boolean {
  return (
    left.size === right.size &&
    left.mtimeMs === right.mtimeMs &&
    left.ctimeMs === right.ctimeMs &&
    left.inode === right.inode
  );
}

/** Coarse file systems count in two seconds; a network's clock may be off by as much. */
const RACY_MS = 2000;

/**
 * A file written shortly before it was read may change again without its times moving: what was read
 * then ("racily clean") is not to be trusted the next time.
 */
export function isRacy({ mtimeMs }: Pick<FileStamp, 'mtimeMs'>, readAtMs: number): boolean {
  return readAtMs - mtimeMs <= RACY_MS;
}

/** SHA-256 of a file's bytes or of a folder's entries; loads Node's crypto only when it is called. */
export function contentDigest(content: Uint8Array | readonly Dirent[]): string {
  const { hash } = process.getBuiltinModule('node:crypto');
  const bytes = content instanceof Uint8Array ? content : listingText(content);
  return hash('sha256', bytes);
}

function listingText(entries: readonly Dirent[]): string {
  const kindOf = (entry: Dirent) =>
    entry.isDirectory() ? 'd' : entry.isSymbolicLink() ? 'l' : entry.isFile() ? 'f' : 'o';
  return entries
    .map((entry) => kindOf(entry) + entry.name)
    .sort()
    .join('\0');
}
