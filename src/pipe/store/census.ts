/**
 * What lies in a store: its traces, its blobs, what each trace names. Reads names, stats, traces and
 * listings, no blob's content. Knows no value and removes nothing.
 */
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { type Digest, isDigest, type Key } from '../digest.ts';
import { namesIn } from './names-in.ts';
import type { Store } from './store.ts';
import type { Trace } from './trace.ts';

export interface StoredBlob {
  readonly bytes: number;
  /** It has other names (a view in artifacts/): removing it frees no disk yet. */
  readonly isShown: boolean;
}

export interface StoredTrace {
  readonly key: Key;
  readonly path: string;
  readonly bytes: number;
  /** Undefined if the file is not whole. */
  readonly trace: Trace | undefined;
  /** All blobs that it names, listings and their entries. */
  readonly blobs: ReadonlySet<Digest>;
  /** Those that are not there, or not of the size that they should have. */
  readonly lost: readonly Digest[];
}

export interface Census {
  readonly blobs: ReadonlyMap<Digest, StoredBlob>;
  readonly traces: readonly StoredTrace[];
}

export function takeCensus(store: Store): Census {
  const blobs = blobsIn(store.layout.blobs);
  const traces = store.traces.keys().map((key) => storedTrace(store, key, blobs));
  return { blobs, traces };
}

function storedTrace(store: Store, key: Key, stored: ReadonlyMap<Digest, StoredBlob>): StoredTrace {
  const path = join(store.layout.traces, key.slice(0, 2), `${key}.json`);
  const trace = store.traces.get(key);
  const blobs = new Set<Digest>();
  const lost: Digest[] = [];
  const need = (digest: Digest, sizeBytes?: number) => {
    blobs.add(digest);
    const bytes = stored.get(digest)?.bytes;
    if (bytes === undefined || (sizeBytes ?? bytes) !== bytes) lost.push(digest);
  };
  for (const record of Object.values(trace?.outputs ?? {})) {
    need(record.digest, record.kind === 'file' ? record.sizeBytes : undefined);
    if (record.kind === 'file' || !stored.has(record.digest)) continue;
    const entries = listingOf(store, record.digest);
    if (entries === undefined) lost.push(record.digest);
    for (const entry of entries ?? []) need(entry.digest, entry.sizeBytes);
  }
  return { key, path, bytes: sizeOf(path), trace, blobs, lost };
}

/** Undefined for a listing that is damaged. */
function listingOf(store: Store, digest: Digest) {
  try {
    return store.blobs.listing(digest);
  } catch {
    return undefined; // torn JSON, or JSON that is no listing: either way its entries are unknown
  }
}

function blobsIn(folder: string): Map<Digest, StoredBlob> {
  const blobs = new Map<Digest, StoredBlob>();
  for (const shard of namesIn(folder)) {
    for (const name of namesIn(join(folder, shard))) {
      if (!isDigest(name)) continue;
      const stat = lstatSync(join(folder, shard, name), { throwIfNoEntry: false });
      if (stat !== undefined) blobs.set(name, { bytes: stat.size, isShown: stat.nlink > 1 });
    }
  }
  return blobs;
}

/** Of one file, or of all that is in a folder. */
export function sizeOf(path: string): number {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  if (!stat.isDirectory()) return stat.size;
  return namesIn(path).reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}
