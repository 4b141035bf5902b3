/**
 * Files that appear whole or not at all: written under a temporary name in the same folder, then
 * renamed. Knows nothing of what the bytes mean.
 */
import { closeSync, constants, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { sep } from 'node:path';
import { inFolder } from './in-folder.ts';

let serial = 0;

/** A name beside `path` that no other process and no other call uses. */
export function temporaryName(path: string): string {
  serial += 1;
  const at = path.lastIndexOf(sep) + 1;
  const base = path.slice(at);
  // Names may have 255 bytes: there must be room for what we append.
  const stem = base.length <= 60 || Buffer.byteLength(base) <= 200 ? base : 'long';
  const name = `${stem}.${process.pid}.${serial}.${Date.now().toString(36)}.tmp`;
  return path.slice(0, at) + name;
}

export function isTemporaryName(name: string): boolean {
  return /\.\d+\.\d+\.[0-9a-z]+\.tmp$/.test(name);
}

/** Replaces `path`. With `flush`, the bytes are on the disk before the name is. */
export function writeAtomic(
  path: string,
  data: string | Uint8Array,
  options: { flush?: boolean } = {},
): void {
  const temporary = temporaryName(path);
  const bytes = typeof data === 'string' ? Buffer.from(data, 'utf8') : data;
  try {
    const access = options.flush === true ? FLUSHED : constants.O_WRONLY;
    const flags = access | constants.O_CREAT | constants.O_EXCL;
    const file = inFolder(temporary, () => openSync(temporary, flags));
    try {
      writeWhole(file, bytes);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A file that is probably there: to look first, as Node's own way does, takes longer than to try. */
export function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

/** No space is left, or the user's quota is used up. */
export function isDiskFull(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** `write(2)` may take less than it was given; this goes on until all is written, from `at` or where the file stands. */
export function writeWhole(file: number, bytes: Uint8Array, at?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const place = at === undefined ? null : at + done;
    done += writeSync(file, bytes, done, bytes.length - done, place);
  }
}

/** Stages may not call `fsync` under Node's permission model, so the flush is asked for on opening. */
const FLUSHED = constants.O_WRONLY | constants.O_DSYNC;
