/**
 * Remembers the digests of source files by their stat, so that an unchanged tree is never read
 * again. Knows no task. Losing the index costs a rehash and nothing else; several processes add to
 * it, and the last word on a file counts.
 *
 * A file written within two seconds of the moment it was hashed may change again without its times
 * moving (coarse clocks): such an entry is "racily clean" and is not trusted the next time.
 */
import { statSync } from 'node:fs';
import type { Digest } from '../digest.ts';
import { type FileStamp, isRacy, sameStamp, stampAt, stampOf } from './file-stamp.ts';
import { hashFile, quickHashFile } from './hash-file.ts';
import { openRecordLog } from './record-log.ts';

interface Entry extends FileStamp {
  readonly digest: Digest;
  readonly hashedAtMs: number;
  /** Only for large files, where recognising is much cheaper than naming. */
  readonly xxh64?: string;
}

export interface StatIndex {
  /** SHA-256 of the file as it is now, and the stamp it had. Throws as `stat` and `read` do. */
  digest(
    path: string,
    options?: {
      /** The file is not what it was when it was last asked for: the index need not be read for it. */
      readonly hasMoved?: boolean;
    },
  ): Promise<{ digest: Digest; stamp: FileStamp; sizeBytes: number }>;
  /** Writes what was learnt, if anything was. */
  save(): void;
}

const LARGE_BYTES = 32 * 1024 * 1024;

export function openStatIndex(file: string): StatIndex {
  const log = openRecordLog<Entry>(file);
  const learnt = new Map<string, Entry>();
  const unsaved = new Map<string, Entry>();
  let kept: Map<string, Entry> | undefined;
  return {
    async digest(path, { hasMoved = false } = {}) {
      const stamp = stampAt(path) ?? stampOf(statSync(path)); // which throws
      // A large file is worth a look even then: recognising it is cheaper than naming it.
      if (!hasMoved || stamp.size >= LARGE_BYTES) kept ??= log.read();
      const known = learnt.get(path) ?? kept?.get(path);
      if (known !== undefined && isTrusted(known, stamp)) return answer(known);
      const entry = await learn(path, stamp, known);
      learnt.set(path, entry);
      unsaved.set(path, entry);
      return answer(entry);
    },
    save() {
      if (unsaved.size === 0) return;
      log.append(unsaved);
      unsaved.clear();
    },
  };
}

function answer(entry: Entry): { digest: Digest; stamp: FileStamp; sizeBytes: number } {
  return { digest: entry.digest, stamp: entry, sizeBytes: entry.size };
}

function isTrusted(entry: Entry, stamp: FileStamp): boolean {
  return !isRacy(entry, entry.hashedAtMs) && sameStamp(entry, stamp);
}

async function learn(path: string, stamp: FileStamp, known: Entry | undefined): Promise<Entry> {
  const hashedAtMs = Date.now();
  if (known?.xxh64 !== undefined && known.size === stamp.size) {
    const xxh64 = await quickHashFile(path);
    if (xxh64 === known.xxh64) return { ...stamp, digest: known.digest, hashedAtMs, xxh64 };
  }
  const { digest, xxh64 } = await hashFile(path, {
    quick: stamp.size >= LARGE_BYTES,
    sizeBytes: stamp.size,
  });
  return { ...stamp, digest, hashedAtMs, ...(xxh64 === undefined ? {} : { xxh64 }) };
}
