/**
 * The store: everything under the cache folder, opened lazily. Each part lives in its own file; this
 * one only puts them together. Knows no task graph.
 */
import { join, resolve } from 'node:path';
import type { Key } from '../digest.ts';
import { type Blobs, openBlobs } from './blobs.ts';
import { type CacheLayout, layoutOf } from './cache-layout.ts';
import { type Locks, openLocks } from './locks.ts';
import { type Logs, openLogs } from './logs.ts';
import { openRunRecords, type RunRecords } from './run-records.ts';
import { openStatIndex, type StatIndex } from './stat-index.ts';
import { openTraces, type Traces } from './traces.ts';

export interface Store {
  readonly layout: CacheLayout;
  readonly blobs: Blobs;
  readonly traces: Traces;
  readonly files: StatIndex;
  readonly locks: Locks;
  readonly logs: Logs;
  readonly runs: RunRecords;
  /** Folder of a key's checkpoint; it may not exist. */
  checkpointFolder(key: Key): string;
}

/** Creates nothing until something is written. */
export function openStore(cacheFolder: string): Store {
  const layout = layoutOf(resolve(cacheFolder));
  return {
    layout,
    blobs: openBlobs(layout.blobs),
    traces: openTraces(layout.traces),
    files: openStatIndex(join(layout.index, 'files.json')),
    locks: openLocks(layout.locks),
    logs: openLogs(layout.logs),
    runs: openRunRecords(layout.runs),
    checkpointFolder: (key) => join(layout.checkpoints, key),
  };
}
