/**
 * Traces on disk: `traces/ab/<key>.json`, and for each task the list of its keys, newest last.
 * Knows no blob: whether a trace's outputs still exist is asked elsewhere.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { isDigest, type Key } from '../digest.ts';
import type { TaskId } from '../event.ts';
import { fileNameOf } from './cache-layout.ts';
import { isAbsence, readChecked, writeChecked } from './checked-file.ts';
import { isThere } from './file-stamp.ts';
import { inFolder } from './in-folder.ts';
import { namesIn } from './names-in.ts';
import { shardOf } from './shard.ts';
import type { Trace } from './trace.ts';

export interface Traces {
  /** Undefined when absent, torn or edited: a miss. */
  get(key: Key): Trace | undefined;
  /** Whether there is one, without reading it. */
  has(key: Key): boolean;
  /** Call only after all blobs of the trace are in the store. */
  put(trace: Trace): void;
  /** Newest first, without repetition; at most `limit`. */
  ofTask(task: TaskId, limit?: number): Trace[];
  /** All keys in the store, in no order. */
  keys(): Key[];
}

export function openTraces(folder: string): Traces {
  const file = (key: Key) => `${shardOf(folder, key)}.json`;
  const histories = join(folder, 'by-task') + sep;
  const history = (task: TaskId) => `${histories}${fileNameOf(task)}.keys`;
  const get = (key: Key) => readTrace(file(key), key);
  return {
    get,
    has: (key) => isThere(file(key)),
    put(trace) {
      writeChecked(file(trace.key), trace);
      const path = history(trace.provenance.task);
      // One small append is not torn by another.
      inFolder(path, () => appendFileSync(path, `${trace.key}\n`));
    },
    ofTask(task, limit = 20) {
      const traces: Trace[] = [];
      for (const key of keysIn(history(task))) {
        if (traces.length === limit) break;
        const trace = get(key);
        if (trace !== undefined) traces.push(trace);
      }
      return traces;
    },
    keys: () => listKeys(folder),
  };
}

function readTrace(path: string, key: Key): Trace | undefined {
  if (!isThere(path)) return undefined; // an error takes longer to make than a look
  const trace = readChecked(path) as Trace | undefined;
  return trace?.key === key ? trace : undefined;
}

/** A torn last line, or one that a dead process left half-written, is not a digest and drops out. */
function keysIn(path: string): Set<Key> {
  if (!isThere(path)) return new Set();
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return new Set();
    throw error;
  }
  const lines = text.split('\n').reverse();
  return new Set(lines.filter(isDigest) as string[] as Key[]);
}

function listKeys(folder: string): Key[] {
  const keys: Key[] = [];
  for (const shard of namesIn(folder).filter((name) => name.length === 2)) {
    for (const name of namesIn(join(folder, shard))) {
      if (/^[0-9a-f]{64}\.json$/.test(name)) keys.push(name.slice(0, 64) as Key);
    }
  }
  return keys;
}
