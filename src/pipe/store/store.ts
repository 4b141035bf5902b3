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
import { announce, type Presence } from './presence.ts';
import { ownIdentity } from './process-identity.ts';
import { registerProject } from './projects.ts';
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
  /** A build begins: from now on nobody cleans away what it uses. */
  announce(run: string): Promise<Presence>;
}

/**
 * Creates nothing until something is written. A store that several projects share is given the
 * folder in which this one keeps what concerns only itself.
 */
export function openStore(storeFolder: string, projectFolder = storeFolder): Store {
  const layout = layoutOf(resolve(storeFolder), resolve(projectFolder));
  const isShared = layout.root !== resolve(projectFolder);
  return {
    layout,
    blobs: openBlobs(layout.blobs),
    traces: openTraces(layout.traces),
    files: openStatIndex(join(layout.index, 'files-3.log')),
    locks: openLocks(layout.locks),
    logs: openLogs(layout.logs),
    runs: openRunRecords(layout.runs),
    checkpointFolder: (key) => join(layout.checkpoints, key),
    async announce(run) {
      const { host } = ownIdentity();
      if (isShared)
        registerProject(layout.projects, { projectFolder: resolve(projectFolder), host });
      return announce(layout.presence, run);
    },
  };
}
