/**
 * Remembers the digests of source files by their stat, so that an unchanged tree is never read
 * again. Knows no task. Losing the index costs a rehash and nothing else; several processes replace
 * it whole, and the last one wins.
 *
 * A file written within two seconds of the moment it was hashed may change again without its times
 * moving (coarse clocks): such an entry is "racily clean" and is not trusted the next time.
 */
import { statSync } from 'node:fs';
import type { Digest } from '../digest.ts';
import { readChecked, writeChecked } from './checked-file.ts';
import { type FileStamp, isRacy, sameStamp, stampOf } from './file-stamp.ts';
import { hashFile, quickHashFile } from './hash-file.ts';

interface Entry extends FileStamp {
  readonly digest: Digest;
  readonly hashedAtMs: number;
  /** Only for large files, where recognising is much cheaper than naming. */
  readonly xxh64?: string;
}

export interface StatIndex {
  /** SHA-256 of the file as it is now, and the stamp it had. Throws as `stat` and `read` do. */
  digest(path: string): Promise<{ digest: Digest; stamp: FileStamp; sizeBytes: number }>;
  /** Writes what was learnt, if anything was. */
  save(): void;
}

const VERSION = 2;
const LARGE_BYTES = 32 * 1024 * 1024;

export function openStatIndex(file: string): StatIndex {
  const learnt = new Map<string, Entry>();
  let kept: Map<string, Entry> | undefined;
  return {
    async digest(path) {
      kept ??= readEntries(file);
      const stamp = stampOf(statSync(path));
      const known = learnt.get(path) ?? kept.get(path);
      if (known !== undefined && isTrusted(known, stamp)) return answer(known);
      const entry = await learn(path, stamp, known);
      learnt.set(path, entry);
      return answer(entry);
    },
    save() {
      if (learnt.size === 0) return;
      kept = new Map([...readEntries(file), ...learnt]); // others may have saved meanwhile
      learnt.clear();
      writeChecked(file, { version: VERSION, entries: [...kept] });
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
  const { digest, xxh64 } = await hashFile(path, { quick: stamp.size >= LARGE_BYTES });
  return { ...stamp, digest, hashedAtMs, ...(xxh64 === undefined ? {} : { xxh64 }) };
}

function readEntries(file: string): Map<string, Entry> {
  const body = readChecked(file) as { version: number; entries: [string, Entry][] } | undefined;
  return new Map(body?.version === VERSION ? body.entries : []);
}
