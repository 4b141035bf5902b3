/**
 * Two products of one task, byte by byte: which files differ, and where first. Knows no task and
 * starts nothing.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import type { Digest } from '../digest.ts';
import type { CheckedOutput, FileDifference } from '../event.ts';
import type { TaskOutput } from '../graph/task.ts';
import type { Blobs } from '../store/blobs.ts';
import type { OutputRecord } from '../store/trace.ts';

/** An output as it lies in one store. */
export interface StoredOutput {
  readonly record: OutputRecord;
  readonly blobs: Pick<Blobs, 'path' | 'listing'>;
}

const MOST_NAMED = 10;
const PIECE_BYTES = 64 * 1024;

export function compareOutputs(
  output: TaskOutput,
  stored: StoredOutput,
  rebuilt: StoredOutput,
): CheckedOutput {
  const was = filesOf(output, stored);
  const is = filesOf(output, rebuilt);
  const names = [...new Set([...was.keys(), ...is.keys()])].sort();
  const differing = names.filter((name) => was.get(name)?.digest !== is.get(name)?.digest);
  return {
    output: output.name,
    files: names.length,
    differing: differing.length,
    differences: differing
      .slice(0, MOST_NAMED)
      .map((name) => differenceOf(name, was.get(name), is.get(name))),
  };
}

interface StoredFile {
  readonly path: string;
  readonly digest: Digest;
  readonly sizeBytes: number;
}

function filesOf({ path }: TaskOutput, { record, blobs }: StoredOutput): Map<string, StoredFile> {
  const { digest, sizeBytes } = record;
  if (record.kind === 'file') {
    return new Map([[path, { path: blobs.path(digest), digest, sizeBytes }]]);
  }
  return new Map(
    blobs
      .listing(digest)
      .map((entry) => [`${path}/${entry.name}`, { ...entry, path: blobs.path(entry.digest) }]),
  );
}

function differenceOf(
  file: string,
  was: StoredFile | undefined,
  is: StoredFile | undefined,
): FileDifference {
  if (is === undefined || was === undefined) {
    return { file, how: was === undefined ? 'only in the rebuild' : 'only in the store' };
  }
  const sizes = { storedBytes: was.sizeBytes, rebuiltBytes: is.sizeBytes };
  return { file, how: 'differs', ...firstDifference(was.path, is.path), ...sizes };
}

/** Of two files that differ; where one is the other's beginning, the place behind it. */
function firstDifference(left: string, right: string): { offset: number; line: number } {
  const files = [openSync(left, 'r'), openSync(right, 'r')];
  try {
    let [offset, line] = [0, 1];
    for (;;) {
      const [a, b] = files.map((file) => readPiece(file, offset)) as [Buffer, Buffer];
      const same = commonBytes(a, b);
      line += newlinesIn(a.subarray(0, same));
      offset += same;
      if (same < PIECE_BYTES) return { offset, line };
    }
  } finally {
    files.forEach(closeSync);
  }
}

/** Fewer bytes than asked for only at the end of the file. */
function readPiece(file: number, offset: number): Buffer {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let length = 0;
  for (;;) {
    const count = readSync(file, piece, length, PIECE_BYTES - length, offset + length);
    length += count;
    if (count === 0 || length === PIECE_BYTES) return piece.subarray(0, length);
  }
}

function commonBytes(a: Buffer, b: Buffer): number {
  if (a.equals(b)) return a.length;
  let at = 0;
  while (at < a.length && at < b.length && a[at] === b[at]) at += 1;
  return at;
}

function newlinesIn(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) count += 1;
  return count;
}
