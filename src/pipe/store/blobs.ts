/**
 * Content-addressed blobs: `blobs/ab/<SHA-256>`, read-only. Folders are blobs that hold their
 * canonical listing. Knows no task, trace or key.
 *
 * Every blob is *sealed*: the microseconds of its mtime are set from its digest. Any later write
 * moves the mtime off the seal, so one `stat` tells an untouched blob from one to be read again,
 * without an index that two processes would have to share.
 */
import type { Stats } from 'node:fs';
import {
  chmodSync,
  closeSync,
  copyFileSync,
  fchmodSync,
  fsyncSync,
  futimesSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { type Digest, digestOf, isDigest } from '../digest.ts';
import { canonicalJson, type Json } from '../json.ts';
import { removeFile, temporaryName, writeAtomic } from './atomic-file.ts';
import { isAbsence } from './checked-file.ts';
import { type Entry, ownEntryAt, stampAt } from './file-stamp.ts';
import { hashFile, hashOpenFile } from './hash-file.ts';
import { inFolder } from './in-folder.ts';
import { shardOf } from './shard.ts';
import type { OutputRecord, TreeEntry } from './trace.ts';

export type BlobState = 'good' | 'missing' | 'corrupt';

export interface Blobs {
  path(digest: Digest): string;
  /** Moves a file into the store (copies it where other names share its inode). `entry` is what is known of it. */
  putFile(path: string, entry?: Entry): Promise<OutputRecord>;
  /** Moves a folder's files into the store and writes the listing blob. Dotfiles count. */
  putFolder(path: string): Promise<OutputRecord>;
  /** Rehashes only when the seal is broken; does not mend. */
  check(digest: Digest, sizeBytes?: number): Promise<BlobState>;
  /** Worst state of the record's blobs, the listing's entries included. */
  checkOutput(record: OutputRecord): Promise<{ state: BlobState; digest: Digest }>;
  /** Whether all blobs of the record bear their seals: false where one would have to be read to know. */
  isIntact(this: void, record: OutputRecord): boolean;
  /** Removes a corrupt blob, so that it is a miss that the next build repairs. */
  discard(digest: Digest): void;
  /** The listing of a stored folder. */
  listing(digest: Digest): readonly TreeEntry[];
  /** Gives `record` the name `target`, whose folder is there, by read-only hard links, else by copies. */
  materialise(record: OutputRecord, target: string): void;
}

/** What a task left as its output cannot be kept: a pipe, a device, a link in a circle. */
export class UnusableOutputError extends Error {
  constructor(path: string, what: string) {
    super(`${path}: ${what}`);
    this.name = 'UnusableOutputError';
  }
}

export function openBlobs(folder: string): Blobs {
  const path = (digest: Digest) => shardOf(folder, digest);
  const blobs: Blobs = {
    path,
    putFile: (source, entry) => putFile(path, source, { entry }),
    putFolder: (source) => putFolder(path, source),
    check: (digest, sizeBytes) => checkBlob(path(digest), digest, sizeBytes),
    checkOutput: (record) => checkOutput(blobs, record),
    isIntact: (record) => isIntact(blobs, record),
    discard: (digest) => rmSync(path(digest), { force: true }),
    listing: (digest) => readListing(path(digest), digest),
    materialise: (record, target) => materialise(blobs, record, target),
  };
  return blobs;
}

/** Microseconds that a blob of this digest carries in its mtime. */
export function sealOf(digest: Digest): number {
  return Number.parseInt(digest.slice(0, 8), 16) % 1_000_000;
}

/** The half microsecond keeps the value clear of rounding on its way through a double. */
export function setSeal(path: string, digest: Digest): void {
  const seconds = sealSeconds(digest);
  utimesSync(path, seconds, seconds);
}

function sealSeconds(digest: Digest): number {
  return Math.floor(Date.now() / 1000) + (sealOf(digest) + 0.5) / 1e6;
}

export function isSealed({ mtimeMs }: { readonly mtimeMs: number }, digest: Digest): boolean {
  const wholeMs = Math.floor(mtimeMs);
  const microseconds = (wholeMs % 1000) * 1000 + (mtimeMs - wholeMs) * 1000;
  // A double is off by an eighth of a microsecond at most; the quarter keeps that from mattering.
  return Math.floor(microseconds + 0.25) === sealOf(digest);
}

/** A hard link where the file system allows one, else a copy. Fails if `target` exists. */
export function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(code))
      throw error;
    copyFileSync(source, target);
  }
}

async function putFile(
  pathOf: (digest: Digest) => string,
  source: string,
  { beside, entry = entryOf(source) }: { beside?: string | undefined; entry?: Entry | undefined },
): Promise<OutputRecord> {
  if (entry.kind === 'file' && entry.names === 1 && beside === undefined) {
    return putOwned(pathOf, source, entry);
  }
  const copy = ownedCopy(source, entry, beside ?? source);
  try {
    return await putOwned(pathOf, copy, entryOf(copy));
  } catch (error) {
    rmSync(copy, { force: true });
    throw error;
  }
}

/** Throws where there is nothing. */
function entryOf(path: string): Entry {
  const entry = ownEntryAt(path);
  if (entry !== undefined) return entry;
  lstatSync(path); // says so
  throw new Error(`assert: ${path} came after it was asked for`);
}

/** Of an open file all can be asked without its name being looked up again and again. */
async function putOwned(
  pathOf: (digest: Digest) => string,
  owned: string,
  { size, isExecutable }: Entry,
): Promise<OutputRecord> {
  const file = openSync(owned, 'r');
  try {
    const { digest, sizeBytes } = await hashOpenFile(file, size);
    const target = pathOf(digest);
    if ((await checkBlob(target, digest, sizeBytes)) === 'good') removeFile(owned);
    else seal(file, owned, target, digest);
    return { kind: 'file', digest, sizeBytes, ...(isExecutable ? { executable: true } : {}) };
  } finally {
    closeSync(file);
  }
}

/**
 * Of a file that has other names than this one, or lies behind a linked folder. Moving a shared inode
 * (a hard link to an input, a symbolic link) into the store would let its other names change the blob;
 * moving what lies behind a linked folder would take it away from its owner.
 */
function ownedCopy(source: string, { kind }: Entry, beside: string): string {
  const isFile = kind === 'link' ? targetOf(source).isFile() : kind === 'file';
  if (!isFile) throw new UnusableOutputError(source, 'neither a file nor a folder');
  const copy = temporaryName(beside);
  copyFileSync(source, copy);
  return copy;
}

/** Throws where a link leads nowhere, or in a circle. */
function targetOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw new UnusableOutputError(path, 'a link that leads in a circle');
    if (isAbsence(error)) throw new UnusableOutputError(path, 'a link that leads nowhere');
    throw error;
  }
}

function seal(file: number, owned: string, target: string, digest: Digest): void {
  fsyncSync(file);
  fchmodSync(file, 0o444);
  const seconds = sealSeconds(digest);
  futimesSync(file, seconds, seconds);
  inFolder(target, () => renameSync(owned, target));
}

async function putFolder(
  pathOf: (digest: Digest) => string,
  source: string,
): Promise<OutputRecord> {
  const found = filesIn(source);
  const stored = new Map<string, TreeEntry>();
  // Links first: what they lead to may be one of the files that are moved away.
  for (const file of [...found.filter(({ isLink }) => isLink), ...found]) {
    if (!stored.has(file.name)) stored.set(file.name, await putEntry(pathOf, source, file));
  }
  const entries = found.map(({ name }) => stored.get(name));
  const text = canonicalJson(entries as unknown as Json);
  const digest = digestOf(text);
  const target = pathOf(digest);
  if ((await checkBlob(target, digest)) !== 'good') putText(text, target, digest);
  return {
    kind: 'folder',
    digest,
    sizeBytes: entries.reduce((sum, entry) => sum + (entry?.sizeBytes ?? 0), 0),
  };
}

async function putEntry(
  pathOf: (digest: Digest) => string,
  source: string,
  { name, isLinked }: FoundFile,
): Promise<TreeEntry> {
  if (isEmptyFolder(name)) {
    await putEmpty(pathOf);
    return { name, digest: EMPTY, sizeBytes: 0 };
  }
  const path = join(source, name);
  const { kind: _, ...entry } = await putFile(pathOf, path, {
    beside: isLinked ? source : undefined,
  });
  return { name, ...entry };
}

function putText(text: string, target: string, digest: Digest): void {
  const temporary = temporaryName(target);
  writeAtomic(temporary, text);
  const file = openSync(temporary, 'r');
  try {
    seal(file, temporary, target, digest);
  } finally {
    closeSync(file);
  }
}

interface FoundFile {
  readonly name: string;
  readonly isLink: boolean;
  /** A folder on the way to it is a link. */
  readonly isLinked: boolean;
}

/** Content of what has none; stands for an empty folder in a listing. */
export const EMPTY = digestOf('');

/** `name/` in a listing: a folder in which nothing is. */
export function isEmptyFolder(name: string): boolean {
  return name.endsWith('/');
}

async function putEmpty(pathOf: (digest: Digest) => string): Promise<void> {
  const target = pathOf(EMPTY);
  if ((await checkBlob(target, EMPTY, 0)) !== 'good') putText('', target, EMPTY);
}

/** A copy with rights of its own: the blob is shared with files that nobody may start. */
export function copyExecutable(source: string, target: string): void {
  copyFileSync(source, target);
  chmodSync(target, 0o555);
}

/**
 * By relative name, in code-point order (the order of UTF-8 bytes): files, and folders in which
 * nothing is. Links are followed.
 */
function filesIn(root: string): FoundFile[] {
  const found: FoundFile[] = [];
  const visit = (prefix: string, isLinked: boolean, above: readonly string[]) => {
    const folder = join(root, prefix);
    const real = realpathSync(folder);
    if (above.includes(real))
      throw new UnusableOutputError(folder, 'a link that leads in a circle');
    const entries = readdirSync(folder, { withFileTypes: true });
    if (entries.length === 0 && prefix !== '')
      found.push({ name: `${prefix}/`, isLink: false, isLinked });
    for (const entry of entries) {
      const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
      const isLink = entry.isSymbolicLink();
      const isFolder = isLink ? targetOf(join(root, name)).isDirectory() : entry.isDirectory();
      if (isFolder) visit(name, isLinked || isLink, [...above, real]);
      else found.push({ name, isLink, isLinked });
    }
  };
  visit('', lstatSync(root).isSymbolicLink(), []);
  return found.sort((left, right) => byCodePoint(left.name, right.name));
}

/** JavaScript's own order is by UTF-16 unit, which differs above the basic plane. */
export function byCodePoint(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left), Buffer.from(right));
}

async function checkBlob(path: string, digest: Digest, sizeBytes?: number): Promise<BlobState> {
  const stat = stampAt(path);
  if (stat === undefined) return 'missing';
  if (sizeBytes !== undefined && stat.size !== sizeBytes) return 'corrupt';
  if (isSealed(stat, digest)) return 'good';
  if ((await hashFile(path)).digest !== digest) return 'corrupt';
  setSeal(path, digest); // only its times were touched
  return 'good';
}

function isIntact(blobs: Blobs, { kind, digest, sizeBytes }: OutputRecord): boolean {
  const bearsSeal = (of: Digest, size?: number) => {
    const stamp = stampAt(blobs.path(of));
    return stamp !== undefined && isSealed(stamp, of) && (size ?? stamp.size) === stamp.size;
  };
  if (kind === 'file') return bearsSeal(digest, sizeBytes);
  return (
    bearsSeal(digest) &&
    blobs.listing(digest).every((entry) => bearsSeal(entry.digest, entry.sizeBytes))
  );
}

async function checkOutput(
  blobs: Blobs,
  record: OutputRecord,
): Promise<{ state: BlobState; digest: Digest }> {
  const size = record.kind === 'file' ? record.sizeBytes : undefined;
  const state = await blobs.check(record.digest, size);
  if (state !== 'good' || record.kind === 'file') return { state, digest: record.digest };
  for (const entry of blobs.listing(record.digest)) {
    const inner = await blobs.check(entry.digest, entry.sizeBytes);
    if (inner !== 'good') return { state: inner, digest: entry.digest };
  }
  return { state, digest: record.digest };
}

function readListing(path: string, digest: Digest): readonly TreeEntry[] {
  const entries = JSON.parse(readFileSync(path, 'utf8')) as TreeEntry[];
  const sound = Array.isArray(entries) && entries.every((entry) => isDigest(entry.digest));
  if (!sound) throw new Error(`blob ${digest} is not a folder listing`);
  return entries;
}

function materialise(blobs: Blobs, record: OutputRecord, target: string): void {
  if (record.kind === 'file') {
    place(blobs, record, target);
    return;
  }
  mkdirSync(target);
  const made = new Set<string>();
  for (const entry of blobs.listing(record.digest)) {
    const file = join(target, entry.name);
    const folder = isEmptyFolder(entry.name) ? file : dirname(file);
    if (!made.has(folder)) mkdirSync(folder, { recursive: true });
    made.add(folder);
    if (isEmptyFolder(entry.name)) continue;
    place(blobs, entry, file);
  }
}

function place(
  blobs: Blobs,
  { digest, executable }: Pick<TreeEntry, 'digest' | 'executable'>,
  target: string,
): void {
  if (executable === true) copyExecutable(blobs.path(digest), target);
  else linkOrCopy(blobs.path(digest), target);
}
