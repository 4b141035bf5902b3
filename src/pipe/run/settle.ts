/**
 * After a run in which everything was found or built: writes down what its answer rests on, so that
 * the same question is answered by looking whether any of it changed. Losing it loses nothing.
 *
 * What may have changed between the look that the answer came from and now must not be written down
 * as settled: stamps are those of the look, and what lies in the store is looked at once more, after
 * the times of its folders were noted.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Digest } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import { isDiskFull, writeAtomic } from '../store/atomic-file.ts';
import { isEmptyFolder, isSealed } from '../store/blobs.ts';
import { shardOf } from '../store/cache-layout.ts';
import { contentDigest, type FileStamp, isRacy, stampAt } from '../store/file-stamp.ts';
import type { Store } from '../store/store.ts';
import type { TreeEntry } from '../store/trace.ts';
import { artifactFolder, recordedViews } from './artifacts.ts';
import type { Prepared } from './prepare.ts';
import type { Inspection, Question } from './settled.ts';
import {
  type Entry,
  encodeSettled,
  KIND,
  type Kind,
  SETTLED_SCHEMA,
  type SettledTexts,
} from './settled-file.ts';
import { type Product, type SettledTask, writeTasks } from './settled-tasks.ts';

/** How a task came to its product in this run. */
export interface Result {
  readonly product: Product;
  /** Absent where the earlier run's look at its sources still stands. */
  readonly prepared?: Prepared;
}

export interface SettleOptions {
  readonly question: Question;
  /** Where the answer is kept: `settledPath`. */
  readonly path: string;
  readonly graph: TaskGraph;
  readonly targets: readonly TaskId[];
  /** In a topological order. */
  readonly tasks: readonly TaskId[];
  readonly results: ReadonlyMap<TaskId, Result>;
  readonly store: Store;
  readonly artifactsFolder: string;
  /** The files that the plan was made from, as they were when they were read. */
  readonly plan: ReadonlyMap<string, FileStamp | undefined>;
  /** What this run built upon, if it did. */
  readonly before?: { readonly inspection: Inspection; readonly tasks: readonly SettledTask[] };
  readonly texts: SettledTexts;
  readonly runId: string;
}

/** Writes nothing where something is not as it was looked at: the next run then looks at all of it again. */
export function settle(options: SettleOptions): void {
  const stage = [...options.graph.tasks.values()].map((task) => task.stage);
  // What arithmetic a machine does is not a file that could be looked at.
  if (stage.some(({ numerics }) => numerics === 'strict')) return;
  const ledger = new Ledger();
  try {
    for (const [path, stamp] of options.plan) {
      if (stamp === undefined) ledger.add(path, KIND.planAbsent, NOTHING);
      else ledger.add(path, KIND.plan, stamp);
    }
    const tasks = new Gatherer(options, ledger).gather();
    mkdirSync(dirname(options.path), { recursive: true });
    const { pipeline } = options.graph;
    const digest = writeTasks(tasksPath(options.path), {
      pipeline,
      targets: options.targets,
      tasks,
    });
    const names = new Set(stage.flatMap(({ env }) => env));
    const head = {
      schema: SETTLED_SCHEMA,
      words: options.question.words,
      file: options.question.file,
      conditions: options.question.conditions,
      environment: Object.fromEntries([...names].map((name) => [name, process.env[name] ?? null])),
      racy: [...ledger.racy],
      young: ledger.young,
      settledAtMs: Date.now(),
      runId: options.runId,
      hits: tasks.length,
      tasks: digest,
    };
    writeAtomic(options.path, encodeSettled(head, ledger.entries, options.texts));
    dropOldest(dirname(options.path));
  } catch (error) {
    if (!(error instanceof Unsettled) && !isUnwritable(error)) throw error;
  }
}

export function tasksPath(settledPath: string): string {
  return settledPath.replace(/\.bin$/, '.json');
}

/** Every wording of a question has an answer of its own: the oldest go when there are more. */
const MOST_ANSWERS = 50;

function dropOldest(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.endsWith('.bin'));
  if (names.length <= MOST_ANSWERS) return;
  const age = (name: string) => stampAt(join(folder, name))?.mtimeMs ?? 0;
  const byAge = names.map((name) => ({ name, at: age(name) })).sort((a, b) => a.at - b.at);
  for (const { name } of byAge.slice(0, MOST_ANSWERS / 2)) {
    rmSync(join(folder, name), { force: true });
    rmSync(tasksPath(join(folder, name)), { force: true });
  }
}

/** Something moved since it was looked at. */
class Unsettled extends Error {}

/** A project that cannot be written to can still be built; it is only slower. */
function isUnwritable(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return isDiskFull(error) || ['EROFS', 'EACCES', 'EPERM'].includes(code);
}

class Ledger {
  readonly entries: Entry[] = [];
  readonly racy = new Map<number, string>();
  /** How many entries a later look could do without. */
  young = 0;
  readonly #numbers = new Map<string, number>();

  /** The number of the entry; a path is looked at once in each way. */
  add(path: string, kind: Kind, stamp: Omit<FileStamp, 'ctimeMs'> & { ctimeMs?: number }): number {
    const name = `${kind}${path}`;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.entries.length;
    this.#numbers.set(name, number);
    this.entries.push({ ctimeMs: 0, ...stamp, path, kind });
    return number;
  }

  addRacy(number: number, digest: string): void {
    this.racy.set(number, digest);
  }
}

const NOTHING: FileStamp = { size: 0, mtimeMs: 0, ctimeMs: 0, inode: 0 };

class Gatherer {
  readonly #options: SettleOptions;
  readonly #ledger: Ledger;
  readonly #before: ReadonlyMap<TaskId, SettledTask>;
  readonly #changed: ReadonlySet<number>;
  readonly #racyBefore: ReadonlyMap<number, string>;
  readonly #startedMs = Date.now();
  #recorded: ReturnType<typeof recordedViews> | undefined;
  /** Shard → stamp, noted before anything in it is looked at. */
  readonly #shards = new Map<string, FileStamp>();
  readonly #shardsBefore: ReadonlyMap<string, readonly [mtimeMs: number, inode: number]>;

  constructor(options: SettleOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
    const { before } = options;
    this.#before = new Map(before?.tasks.map((each) => [each.task.id, each]));
    this.#changed = new Set(before?.inspection.changed);
    this.#racyBefore = new Map(before?.inspection.file.head.racy);
    this.#shardsBefore = this.#knownShards();
  }

  gather(): SettledTask[] {
    const { graph, tasks, results } = this.#options;
    return tasks.map((id) => {
      const task = graph.tasks.get(id) as Task;
      const result = results.get(id);
      if (result === undefined) throw new Unsettled();
      const { product, prepared } = result;
      const sources = prepared === undefined ? this.#sourcesBefore(id) : this.#sources(prepared);
      return { task, product, sources, views: this.#views(task, product) };
    });
  }

  #sources({ stamps, expansions, inputs }: Prepared): number[] {
    const numbers: number[] = [];
    const digests = new Map(
      inputs.flatMap((input) =>
        input.kind === 'source' ? input.files.map(({ path, digest }) => [path, digest]) : [],
      ),
    );
    const lookedAtMs = Math.min(...expansions.map(({ grounds }) => grounds.atMs));
    for (const [path, stamp] of stamps) {
      const number = this.#ledger.add(path, KIND.source, stamp);
      if (isRacy(stamp, lookedAtMs)) {
        this.#ledger.addRacy(number, digests.get(path) as string);
      }
      numbers.push(number);
    }
    for (const { grounds } of expansions) {
      for (const [path, stamp] of grounds.folders) {
        const number = this.#ledger.add(path, KIND.folder, stamp);
        const digest = grounds.racy.get(path);
        if (digest !== undefined) this.#ledger.addRacy(number, digest);
        numbers.push(number);
      }
      for (const path of grounds.absent) numbers.push(this.#ledger.add(path, KIND.absent, NOTHING));
    }
    return numbers;
  }

  #sourcesBefore(id: TaskId): number[] {
    return (this.#before.get(id)?.sources ?? []).map((number) => this.#entryBefore(number));
  }

  /** What the inspection found to be as it was. */
  #entryBefore(number: number): number {
    const file = this.#options.before?.inspection.file;
    if (file === undefined || this.#changed.has(number)) throw new Unsettled();
    const at = number * 4;
    const [size = 0, mtimeMs = 0, ctimeMs = 0, inode = 0] = file.stamps.subarray(at, at + 4);
    const kind = file.kinds[number] as Kind;
    const stamp = { size, mtimeMs, ctimeMs, inode };
    const now = this.#ledger.add(file.paths[number] as string, kind, stamp);
    const digest = this.#racyBefore.get(number);
    // It held the same when it was inspected, and is perhaps old enough by now.
    const inspectedMs = this.#options.before?.inspection.atMs ?? 0;
    if (digest !== undefined && isRacy(stamp, inspectedMs)) this.#ledger.addRacy(now, digest);
    return now;
  }

  // --- What lies in the store and in artifacts/ ---

  #views(task: Task, product: Product): number[] {
    const { store, artifactsFolder } = this.#options;
    const before = this.#before.get(task.id);
    this.#trace(product);
    const isKnown =
      before !== undefined &&
      before.product.key === product.key &&
      before.views.every((number) => !this.#changed.has(number));
    if (isKnown) {
      this.#lookAgain(product);
      return before.views.map((number) => this.#entryBefore(number));
    }
    const folder = artifactFolder(artifactsFolder, task.id);
    return task.outputs.flatMap(({ name, path, folder: isFolder }) => {
      const record = product.outputs[name];
      if (record === undefined) throw new Unsettled();
      if (!isFolder) return this.#view(join(folder, path), record.digest, record.sizeBytes);
      this.#blob(record.digest);
      return this.#folderViews(join(folder, path), store.blobs.listing(record.digest));
    });
  }

  #folderViews(path: string, listing: readonly TreeEntry[]): number[] {
    const folders = new Set([path]);
    for (const { name } of listing) {
      for (let at = dirname(join(path, name)); at.length > path.length; at = dirname(at)) {
        folders.add(at);
      }
      if (isEmptyFolder(name)) folders.add(join(path, name.slice(0, -1)));
    }
    const numbers = [...folders].map((folder) => this.#viewFolder(folder));
    const files = listing.filter(({ name }) => !isEmptyFolder(name));
    const expected = files.length + folders.size - 1;
    const found = [...folders].reduce((sum, folder) => sum + readdirSync(folder).length, 0);
    if (found !== expected) throw new Unsettled(); // someone put something there just now
    return [
      ...numbers,
      ...files.flatMap(({ name, digest, sizeBytes }) =>
        this.#view(join(path, name), digest, sizeBytes),
      ),
    ];
  }

  #viewFolder(folder: string): number {
    const stamp = stampAt(folder);
    if (stamp === undefined) throw new Unsettled();
    const number = this.#ledger.add(folder, KIND.viewFolder, stamp);
    if (isRacy(stamp, this.#startedMs)) {
      this.#ledger.addRacy(number, contentDigest(readdirSync(folder, { withFileTypes: true })));
    }
    return number;
  }

  #view(path: string, digest: Digest, sizeBytes: number): number[] {
    const blob = this.#blob(digest, sizeBytes);
    const view = lstatSync(path, { throwIfNoEntry: false });
    if (view === undefined) throw new Unsettled();
    const { size, mtimeMs, ino: inode } = view;
    const number = this.#ledger.add(path, KIND.view, { size, mtimeMs, inode });
    if (inode === blob.inode && mtimeMs === blob.mtimeMs) return [number];
    // A copy: what we put there is on record.
    this.#recorded ??= recordedViews(this.#options.artifactsFolder, this.#options.store);
    const record = this.#recorded.get(path);
    const isOurs =
      record?.digest === digest && record.mtimeMs === mtimeMs && record.inode === inode;
    if (!isOurs || record.size !== size) throw new Unsettled();
    this.#ledger.add(this.#options.store.blobs.path(digest), KIND.store, blob);
    return [number];
  }

  /** The blob, after its folder was noted; what is not whole is not settled. */
  #blob(digest: Digest, sizeBytes?: number): FileStamp {
    const { store } = this.#options;
    const path = store.blobs.path(digest);
    this.#noteShard(dirname(path));
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined || !isSealed(stat, digest)) throw new Unsettled();
    if (sizeBytes !== undefined && stat.size !== sizeBytes) throw new Unsettled();
    const { size, mtimeMs, ctimeMs, ino: inode } = stat;
    const stamp = { size, mtimeMs, ctimeMs, inode };
    this.#addIfShardIsYoung(path, stamp);
    return stamp;
  }

  #trace({ key }: Product): void {
    const { traces } = this.#options.store.layout;
    const shard = `${traces}${sep}${key.slice(0, 2)}`;
    this.#noteShard(shard);
    if (this.#isUnmoved(shard)) return;
    const path = `${shardOf(traces, key)}.json`;
    const stamp = stampAt(path);
    if (stamp === undefined) throw new Unsettled();
    this.#addIfShardIsYoung(path, stamp);
  }

  /** Blobs in folders that moved since the inspection may be gone. */
  #lookAgain({ outputs }: Product): void {
    const { store } = this.#options;
    for (const { digest, kind } of Object.values(outputs)) {
      const digests = kind === 'file' ? [digest] : [digest, ...listed(store, digest)];
      for (const each of digests) {
        const shard = `${store.layout.blobs}${sep}${each.slice(0, 2)}`;
        this.#noteShard(shard);
        if (!this.#isUnmoved(shard)) this.#blob(each);
      }
    }
  }

  #noteShard(folder: string): void {
    if (this.#shards.has(folder)) return;
    const stamp = stampAt(folder);
    if (stamp === undefined) throw new Unsettled();
    this.#shards.set(folder, stamp);
    this.#ledger.add(folder, KIND.store, stamp);
  }

  #isUnmoved(folder: string): boolean {
    const [mtimeMs, inode] = this.#shardsBefore.get(folder) ?? [];
    const now = this.#shards.get(folder);
    return now?.mtimeMs === mtimeMs && now?.inode === inode;
  }

  /** What leaves a folder right after something came may not move its time: then each is looked at. */
  #addIfShardIsYoung(path: string, stamp: FileStamp): void {
    const shard = this.#shards.get(dirname(path));
    if (shard !== undefined && !isRacy(shard, this.#startedMs)) return;
    this.#ledger.add(path, KIND.store, stamp);
    this.#ledger.young += 1;
  }

  #knownShards() {
    const file = this.#options.before?.inspection.file;
    const known = new Map<string, readonly [number, number]>();
    if (file === undefined) return known;
    for (let number = 0; number < file.count; number += 1) {
      if (file.kinds[number] !== KIND.store || this.#changed.has(number)) continue;
      const at = number * 4;
      known.set(file.paths[number] as string, [
        file.stamps[at + 1] as number,
        file.stamps[at + 3] as number,
      ]);
    }
    return known;
  }
}

function listed(store: Store, digest: Product['outputs'][string]['digest']) {
  return store.blobs.listing(digest).map((entry) => entry.digest);
}
