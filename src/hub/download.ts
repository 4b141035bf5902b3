/**
 * One file from the Hub to a path: in parts, so that a cut connection costs little and a stopped
 * program goes on where it was (`NAME.part`), and under its name only once its digest is the one that
 * the Hub states. Knows no repository: it is handed a reader of ranges.
 */
import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  createReadStream,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { HubError } from './hub-error.ts';
import type { HubFile } from './wanted-files.ts';

/** The bytes [from, to) of the file. */
export type ReadRange = (from: number, to: number) => Promise<Uint8Array>;

export interface DownloadOptions {
  readonly partBytes: number;
  /** Waits before the second, third, … attempt at a part; their number is the number of attempts. */
  readonly retryDelaysMs: readonly number[];
  readonly progress: (doneBytes: number) => void;
}

/**
 * Whether the file at `path` is already the one that is wanted.
 */
export async function isPresent(path: string, file: HubFile): Promise<boolean> {
  if (sizeOf(path) !== file.sizeBytes) return false;
  return (await digestOfFile(path, file)).digest('hex') === file.digest.hex;
}

/** @throws HubError for a wrong digest, a server that is not reached, a full disk */
export async function download(
  path: string,
  file: HubFile,
  read: ReadRange,
  options: DownloadOptions,
): Promise<void> {
  const part = `${path}.part`;
  const resumed = sizeOf(part) > 0;
  const found = await fetchRest(part, file, read, options);
  if (found === file.digest.hex) return renameSync(part, path);
  rmSync(part);
  // What an earlier run left may be of another file: only a whole download can prove the Hub wrong.
  if (resumed) return download(path, file, read, options);
  const kind = file.digest.kind === 'git' ? 'git digest' : 'SHA-256';
  throw new HubError(
    `${file.path} has the ${kind} ${found}, but the Hub states ${file.digest.hex}`,
    'something between here and the Hub changed it; nothing was kept',
  );
}

/** Appends what is missing to `part`; returns the digest of the whole. */
async function fetchRest(
  part: string,
  file: HubFile,
  read: ReadRange,
  options: DownloadOptions,
): Promise<string> {
  if (sizeOf(part) > file.sizeBytes) rmSync(part);
  const hash = await digestOfFile(part, file);
  let done = sizeOf(part);
  const descriptor = openSync(part, 'a');
  try {
    while (done < file.sizeBytes) {
      options.progress(done);
      const to = Math.min(file.sizeBytes, done + options.partBytes);
      const bytes = await readPatiently(file, read, { from: done, to }, options.retryDelaysMs);
      hash.update(bytes);
      writeWhole(descriptor, bytes, file);
      done = to;
    }
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  options.progress(done);
  return hash.digest('hex');
}

interface Range {
  readonly from: number;
  readonly to: number;
}

async function readPatiently(
  file: HubFile,
  read: ReadRange,
  { from, to }: Range,
  delaysMs: readonly number[],
): Promise<Uint8Array> {
  for (const delayMs of delaysMs) {
    try {
      return checkLength(file, await read(from, to), { from, to });
    } catch (error) {
      if (error instanceof HubError) throw error;
      await wait(delayMs); // a cut or refused connection: worth another attempt
    }
  }
  try {
    return checkLength(file, await read(from, to), { from, to });
  } catch (error) {
    if (error instanceof HubError) throw error;
    throw new HubError(
      `${file.path}: ${messageOf(error)}, at byte ${from} of ${file.sizeBytes}`,
      'run it again: it goes on where it was',
      { cause: error },
    );
  }
}

function checkLength(file: HubFile, bytes: Uint8Array, { from, to }: Range): Uint8Array {
  if (bytes.length === to - from) return bytes;
  const message = `${file.path}: asked for ${to - from} bytes from ${from}, got ${bytes.length}`;
  if (bytes.length < to - from) throw new Error(message);
  throw new HubError(message, 'a proxy on the way may not know ranges');
}

/** fetch says "fetch failed" and keeps the reason to itself. */
function messageOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

function writeWhole(descriptor: number, bytes: Uint8Array, file: HubFile): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EFBIG') throw error;
    throw new HubError(
      `${file.path}: the disk is full (${code})`,
      'make room and run it again: it goes on where it was',
      { cause: error },
    );
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** The digest so far of what the file holds; git prefixes a blob with its size. */
async function digestOfFile(path: string, { digest, sizeBytes }: HubFile): Promise<Hash> {
  const hash = createHash(digest.kind === 'git' ? 'sha1' : 'sha256');
  if (digest.kind === 'git') hash.update(`blob ${sizeBytes}\0`);
  if (sizeOf(path) === 0) return hash;
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash;
}
