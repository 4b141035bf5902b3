/**
 * Where each thing lies in the cache folder. Knows names only: it opens no file.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';

export interface CacheLayout {
  readonly root: string;
  readonly blobs: string;
  readonly traces: string;
  readonly index: string;
  readonly locks: string;
  readonly memo: string;
  readonly checkpoints: string;
  readonly logs: string;
  readonly runs: string;
  readonly code: string;
  readonly scratch: string;
}

export function layoutOf(cacheFolder: string): CacheLayout {
  const at = (name: string) => join(cacheFolder, name);
  return {
    root: cacheFolder,
    blobs: at('blobs'),
    traces: at('traces'),
    index: at('index'),
    locks: at('locks'),
    memo: at('memo'),
    checkpoints: at('checkpoints'),
    logs: at('logs'),
    runs: at('runs'),
    code: at('code'),
    scratch: at('scratch'),
  };
}

/** `ab/abcdef…`: one folder for each first byte, so that no folder grows to a million entries. */
export function shardOf(folder: string, name: string): string {
  return join(folder, name.slice(0, 2), name);
}

/**
 * A task id or cell label as one file name: what no file system minds stays as it is, the rest is
 * percent-encoded. A name too long for a file system is cut and made unique by its digest.
 */
export function fileNameOf(label: string): string {
  const safe = label.replace(/[^A-Za-z0-9@,=+._ -]/gu, encodeURIComponent).replace(/^\./, '%2E');
  if (safe.length <= 180) return safe;
  return `${safe.slice(0, 160)}~${createHash('sha256').update(label).digest('hex').slice(0, 16)}`;
}
