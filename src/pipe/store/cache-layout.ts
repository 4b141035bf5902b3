/**
 * Where each thing lies in the cache. Knows names only: it opens no file.
 *
 * What only saves work (blobs, traces, memos, checkpoints) may be shared by any number of projects
 * and machines. What speaks of one project's own paths stays in that project's folder: its indexes,
 * logs, run records, and the code, whose bundles find their packages in the folders above them.
 */
import { join } from 'node:path';
import { digestOf } from '../digest.ts';

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
  /** Builds that go on now, and what they use. */
  readonly presence: string;
  /** The projects that use the store. */
  readonly projects: string;
  readonly pins: string;
}

/** Without a folder of its own the project keeps everything in the store's. */
export function layoutOf(storeFolder: string, projectFolder = storeFolder): CacheLayout {
  const at = (name: string) => join(storeFolder, name);
  const own = (name: string) => join(projectFolder, name);
  return {
    root: storeFolder,
    blobs: at('blobs'),
    traces: at('traces'),
    index: own('index'),
    locks: at('locks'),
    memo: at('memo'),
    checkpoints: at('checkpoints'),
    logs: own('logs'),
    runs: own('runs'),
    code: own('code'),
    scratch: at('scratch'),
    presence: at('presence'),
    projects: at('projects'),
    pins: at('pins'),
  };
}

/**
 * A task id or cell label as one file name: what no file system minds stays as it is, the rest is
 * percent-encoded. A name too long for a file system is cut and made unique by its digest.
 */
export function fileNameOf(label: string): string {
  const safe = label.replace(/[^A-Za-z0-9@,=+._ -]/gu, encodeURIComponent).replace(/^\./, '%2E');
  if (safe.length <= 180) return safe;
  return `${safe.slice(0, 160)}~${digestOf(label).slice(0, 16)}`;
}
