/**
 * Adds to changes what takes reading to know: which records of a file differ, which modules of the
 * code. Only for those who ask; a build does not. Knows no terminal.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { type Digest, digestOf } from '../digest.ts';
import type { Change, RecordsChange } from '../fingerprint/change.ts';
import { differingParts } from '../fingerprint/code-parts.ts';
import {
  differingRecords,
  type FileRecords,
  type ReadRecords,
  readRecords,
} from '../fingerprint/file-records.ts';
import type { Task, TaskGraph, TaskInput } from '../graph/task.ts';
import { keptRecords, recordMark } from '../store/kept-records.ts';
import type { Store } from '../store/store.ts';

export interface DetailOptions {
  readonly graph: TaskGraph;
  readonly store: Store;
}

/** More is not read for a detail. */
const LARGEST_BYTES = 64 * 2 ** 20;

export async function detailed(
  changes: readonly Change[],
  task: Task,
  { graph, store }: DetailOptions,
): Promise<Change[]> {
  const markOf = await recordMark();
  const inputs = new Inputs(task, graph, store, markOf);
  return changes.map((change) => {
    if (change.kind === 'code') return withParts(change, store, graph.pipeline.root);
    if (change.kind !== 'input') return change;
    const records = inputs.recordsOf(change);
    return records === undefined ? change : { ...change, records };
  });
}

/** The modules that differ, if both bundles are still kept. */
export function withParts(
  change: Change & { kind: 'code' },
  store: Pick<Store, 'layout'>,
  root: string,
): Change {
  const [before, after] = [change.before, change.after].map((digest) => bundleOf(store, digest));
  if (before === undefined || after === undefined) return change;
  const parts = differingParts(before, after).map((part) => ({
    ...part,
    module: relative(root, resolve(store.layout.code, part.module)),
  }));
  return parts.length === 0 ? change : { ...change, parts };
}

function bundleOf(store: Pick<Store, 'layout'>, digest: Digest) {
  const file = join(store.layout.code, `${digest}.mjs`);
  if (!existsSync(file) || !existsSync(`${file}.map`)) return undefined;
  // The last line names the map, and so the bundle's own digest.
  const text = readFileSync(file, 'utf8').replace(/\n\/\/# sourceMappingURL=.*\n$/, '');
  return { text, sourceMap: readFileSync(`${file}.map`, 'utf8') };
}

type InputChange = Extract<Change, { kind: 'input' }>;

class Inputs {
  readonly #task: Task;
  readonly #graph: TaskGraph;
  readonly #store: Store;
  readonly #markOf: (text: string) => string;

  constructor(task: Task, graph: TaskGraph, store: Store, markOf: (text: string) => string) {
    this.#task = task;
    this.#graph = graph;
    this.#store = store;
    this.#markOf = markOf;
  }

  recordsOf({ input: name, file, before, after }: InputChange): RecordsChange | undefined {
    const input = this.#task.inputs.find((each) => each.name === name);
    if (input === undefined || before === undefined || after === undefined) return undefined;
    if (input.kind === 'source') {
      const path = resolve(this.#graph.pipeline.root, file);
      const is = this.#read(path, file, after);
      return is && this.#compare(this.#stored(before, file), is);
    }
    const output = this.#outputOf(input);
    if (output?.folder === true) return this.#filesOf(before, after);
    const fileName = output?.path ?? '';
    const is = this.#read(this.#store.blobs.path(after), fileName, after);
    return is && this.#compare(this.#stored(before, fileName), is);
  }

  #compare(was: FileRecords | undefined, is: ReadRecords): RecordsChange | undefined {
    return was && differingRecords(was, is);
  }

  #outputOf(input: TaskInput & { kind: 'upstream' }) {
    const [from] = input.from;
    const outputs = this.#graph.tasks.get(from?.task ?? '')?.outputs;
    return outputs?.find(({ name }) => name === from?.output);
  }

  /** What was kept of a content that is gone, or the content itself if the store has it. */
  #stored(digest: Digest, name: string): FileRecords | undefined {
    const folder = join(this.#store.layout.root, 'records');
    return keptRecords(folder, digest) ?? this.#read(this.#store.blobs.path(digest), name, digest);
  }

  #read(path: string, name: string, digest: Digest): ReadRecords | undefined {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() !== true || stat.size > LARGEST_BYTES) return undefined;
    const bytes = readFileSync(path);
    return digestOf(bytes) === digest ? readRecords(bytes, name, this.#markOf) : undefined;
  }

  /** The files of a folder are its records. */
  #filesOf(before: Digest, after: Digest): RecordsChange | undefined {
    const [was, is] = [before, after].map((digest) => {
      const path = this.#store.blobs.path(digest);
      return existsSync(path) ? this.#store.blobs.listing(digest) : undefined;
    });
    if (was === undefined || is === undefined) return undefined;
    const recordsOf = (files: typeof was): ReadRecords => ({
      unit: 'file',
      names: files.map(({ name }) => name),
      marks: files.map(({ digest }) => digest),
      texts: [],
    });
    return differingRecords(recordsOf(was), recordsOf(is));
  }
}
