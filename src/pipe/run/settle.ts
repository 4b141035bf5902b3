/**
 * After a run in which everything was found or built: writes down what its answer rests on, so that
 * the same question is answered by looking whether any of it changed. Losing it loses nothing.
 *
 * What may have changed between the look that the answer came from and now must not be written down
 * as settled: stamps are those of the look, and what lies in the store is looked at once more, after
 * the times of its folders were noted.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import type { Digest, Key } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import { isDiskFull, writeAtomic } from '../store/atomic-file.ts';
import { isEmptyFolder, isSealed } from '../store/blobs.ts';
import { contentDigest, type FileStamp, isRacy, ownStampAt, stampAt } from '../store/file-stamp.ts';
import { shardOf } from '../store/shard.ts';
import type { Store } from '../store/store.ts';
import type { OutputRecord, TreeEntry } from '../store/trace.ts';
import { artifactFolder, recordedViews } from './artifacts.ts';
import type { Prepared } from './prepare.ts';
import { type Inspection, type Question, tasksPath } from './settled.ts';
import { type Ledger, NewEntries, NOTHING, Patch, Unsettled } from './settled-entries.ts';
import { encodeSettled, entriesOf, KIND, type Kind, SETTLED_SCHEMA } from './settled-file.ts';
import {
  type Amendment,
  encodeTasks,
  type HitText,
  MOST_AMENDED,
  type Product,
  type SettledPlan,
  type SettledTask,
} from './settled-tasks.ts';

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
  /** Of all tasks but those that were left standing. */
  readonly results: ReadonlyMap<TaskId, Result>;
  readonly store: Store;
  readonly artifactsFolder: string;
  /**
   * The files that the plan was made from, as they were when they were read; undefined where one may
   * have changed since, without its times telling.
   */
  plan(): ReadonlyMap<string, FileStamp | undefined> | undefined;
  /** What this run built upon, if it did. */
  readonly before?: {
    readonly inspection: Inspection;
    readonly plan: SettledPlan;
    /** As `patchFor` made it, if there was time for that. */
    readonly patch?: Patch;
  };
  /** What a hit of a task with a result says. */
  text(task: TaskId, product: Product): HitText;
  readonly runId: string;
}

/** Writes nothing where something is not as it was looked at: the next run then looks at all of it again. */
export function settle(options: SettleOptions): void {
  try {
    if (!amend(options)) write(options);
  } catch (error) {
    if (!(error instanceof Unsettled) && !isUnwritable(error)) throw error;
  }
}

/** What an answer is amended in; takes a while to make, and knows nothing yet of what is new. */
export function patchFor(inspection: Inspection, store: Store): Patch {
  return new Patch(inspection, shardsOf(store));
}

/** Everything anew. */
function write(options: SettleOptions): void {
  const stages = [...options.graph.tasks.values()].map((task) => task.stage);
  // What arithmetic a machine does is not a file that could be looked at.
  if (stages.some(({ numerics }) => numerics === 'strict')) return;
  const plan = options.plan();
  if (plan === undefined) return;
  const ledger = new NewEntries();
  for (const [path, stamp] of plan) {
    if (stamp === undefined) ledger.add(path, KIND.planAbsent, NOTHING);
    else ledger.add(path, KIND.plan, stamp);
  }
  const tasks = new Gatherer(options, ledger).gather();
  const names = new Set(stages.flatMap(({ env }) => env));
  const environment = Object.fromEntries(
    [...names].map((name) => [name, process.env[name] ?? null]),
  );
  const name = options.runId;
  const bytes = encodeTasks({
    name,
    pipeline: options.graph.pipeline,
    targets: options.targets,
    tasks,
    upstream: (id) => options.graph.upstream(id),
  });
  const said = (of: 'talk' | 'data' | 'live') =>
    Buffer.from(tasks.map(({ text }) => text[of]).join(''));
  const { words, file, conditions } = options.question;
  const head = {
    schema: SETTLED_SCHEMA,
    words,
    file,
    conditions,
    environment,
    racy: [...ledger.racy],
    young: ledger.young,
    settledAtMs: Date.now(),
    runId: options.runId,
    hits: tasks.length,
    tasks: name,
    blobs: options.store.layout.blobs,
  };
  mkdirSync(dirname(options.path), { recursive: true });
  writeAtomic(tasksPath(options.path), bytes);
  const texts = { talk: said('talk'), data: said('data'), live: said('live') };
  writeAtomic(options.path, encodeSettled(head, entriesOf(ledger.entries), texts));
  dropOldest(dirname(options.path));
}

/**
 * Only what changed: where the same files decide as before, though some are others now. False where
 * other files do, or where nothing is known.
 */
function amend(options: SettleOptions): boolean {
  const { before, results } = options;
  if (before === undefined) return false;
  const { inspection, plan } = before;
  const { file } = inspection;
  const patch = before.patch ?? patchFor(inspection, options.store);
  try {
    const amendment = new Gatherer(options, patch).amend(patch, [...results.keys()]);
    if (!inspection.changed.every((entry) => patch.touched.has(entry))) return false;
    const all = plan.withAmended(amendment);
    const isAnew = all.size > MOST_AMENDED;
    const head = {
      ...file.head,
      racy: [...patch.racy],
      young: patch.young,
      settledAtMs: Date.now(),
      runId: options.runId,
      tasks: isAnew ? options.runId : plan.name,
    };
    if (isAnew) writeAtomic(tasksPath(options.path), plan.rewritten(options.runId, amendment));
    const texts = {
      talk: plan.amendedText('talk', file.talk, amendment),
      data: plan.amendedText('data', file.data, amendment),
      live: plan.amendedText('live', file.live, amendment),
    };
    const amended = isAnew ? new Map() : all;
    writeAtomic(options.path, encodeSettled(head, patch.entries(), texts, amended));
    return true;
  } catch (error) {
    if (error instanceof Unsettled) return false;
    throw error;
  }
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

/** A project that cannot be written to can still be built; it is only slower. */
function isUnwritable(error: unknown): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return isDiskFull(error) || ['EROFS', 'EACCES', 'EPERM'].includes(code);
}

/** Whether a path is a folder of blobs or of traces, which loses its age with what is in it. */
function shardsOf({ layout }: Store): (path: string) => boolean {
  return (path) => [layout.blobs, layout.traces].includes(dirname(path));
}

/** An entry of a view, and what it shows if it is a file. */
interface SettledView {
  readonly entry: number;
  readonly blob: Digest | undefined;
}

class Gatherer {
  readonly #options: SettleOptions;
  readonly #ledger: Ledger;
  readonly #changed: ReadonlySet<number>;
  readonly #racyBefore: ReadonlyMap<number, string>;
  readonly #startedMs = Date.now();
  #recorded: ReturnType<typeof recordedViews> | undefined;
  /** Shard → stamp, noted before anything in it is looked at. */
  readonly #shards = new Map<string, FileStamp>();

  constructor(options: SettleOptions, ledger: Ledger) {
    this.#options = options;
    this.#ledger = ledger;
    const { before } = options;
    this.#changed = new Set(before?.inspection.changed);
    this.#racyBefore = new Map(before?.inspection.file.head.racy);
  }

  gather(): SettledTask[] {
    const { graph, tasks, results } = this.#options;
    return tasks.map((id) => {
      const task = graph.tasks.get(id) as Task;
      const { product, prepared } = results.get(id) ?? this.#standing(id);
      const sources = prepared === undefined ? this.#sourcesBefore(id) : this.#sources(prepared);
      const views = this.#views(task, product);
      return {
        ...this.#settled(id, product),
        sources,
        views: views.map(({ entry }) => entry),
        blobs: views.map(({ blob }) => blob),
      };
    });
  }

  /** Of these tasks alone; the others are as they were. */
  amend(patch: Patch, ids: readonly TaskId[]): Amendment {
    const { graph, results } = this.#options;
    const plan = this.#options.before?.plan as SettledPlan;
    const seen = new Set<number>();
    const amendment = ids.flatMap((id) => {
      const rank = plan.rank(id) as number;
      const { product, prepared } = results.get(id) as Result;
      seen.add(rank);
      patch.begin([...plan.sources(rank), ...plan.views(rank)]);
      if (prepared === undefined) this.#sourcesBefore(id);
      else this.#sources(prepared);
      const views = this.#views(graph.tasks.get(id) as Task, product);
      patch.end();
      // Recalled: it made what it made, only its views were put back.
      if (product === plan.product(rank)) return [];
      const blobs = views.map(({ blob }) => blob);
      return [[rank, { ...this.#settled(id, product), blobs }] as const];
    });
    this.#lookAtNeighbours(seen);
    return new Map(amendment);
  }

  #settled(id: TaskId, product: Product) {
    const { graph, results, store } = this.#options;
    const task = graph.tasks.get(id) as Task;
    const digests = Object.values(product.outputs).flatMap((record) => digestsIn(store, record));
    const shards = [...new Set(digests.map(shardNumber))];
    // What stood or was recalled said nothing in this run: it would say what it said before.
    const isNew = results.get(id)?.prepared !== undefined;
    const text = isNew ? this.#options.text(id, product) : this.#textBefore(id);
    return { task, product, shards, text };
  }

  #rank(id: TaskId): number {
    const rank = this.#options.before?.plan.rank(id);
    if (rank === undefined) throw new Unsettled();
    return rank;
  }

  #standing(id: TaskId): Result {
    const rank = this.#rank(id);
    return { product: this.#options.before?.plan.product(rank) as Product };
  }

  #textBefore(id: TaskId): HitText {
    const { plan, inspection } = this.#options.before as NonNullable<SettleOptions['before']>;
    const { talk, data, live, events } = plan.hitTexts([this.#rank(id)], inspection.file);
    return {
      talk: talk().toString(),
      data: data().toString(),
      live: live().toString(),
      events: events().toString(),
    };
  }

  /** What lies in a folder of the store that moved may be gone, whoever moved it. */
  #lookAtNeighbours(seen: ReadonlySet<number>): void {
    const { store, before } = this.#options;
    const plan = before?.plan as SettledPlan;
    const moved = [...this.#shards.keys()].filter((folder) => !this.#isUnmoved(folder));
    const inFolder = (folder: string) =>
      new Set(
        moved
          .filter((each) => dirname(each) === folder)
          .map((each) => Number.parseInt(basename(each), 16)),
      );
    const blobs = inFolder(store.layout.blobs);
    const traces = inFolder(store.layout.traces);
    for (const rank of plan.near(new Set([...blobs, ...traces]))) {
      if (seen.has(rank)) continue;
      const product = plan.product(rank);
      if (traces.has(shardNumber(product.key))) this.#trace(product);
      for (const record of Object.values(product.outputs)) {
        const digests = digestsIn(store, record).filter((each) => blobs.has(shardNumber(each)));
        for (const digest of digests) this.#blob(digest);
      }
    }
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
    const sources = this.#options.before?.plan.sources(this.#rank(id)) ?? [];
    return Array.from(sources, (number) => this.#entryBefore(number));
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

  #views(task: Task, product: Product): SettledView[] {
    const { store, artifactsFolder } = this.#options;
    this.#trace(product);
    const before = this.#options.before?.plan;
    const rank = before?.rank(task.id);
    if (before !== undefined && rank !== undefined) {
      const views = [...before.views(rank)];
      const isKnown =
        before.product(rank).key === product.key &&
        views.every((number) => !this.#changed.has(number));
      if (isKnown) {
        this.#lookAgain(product);
        const blobs = before.blobs(rank);
        return views.map((number, index) => ({
          entry: this.#entryBefore(number),
          blob: blobs[index],
        }));
      }
    }
    const folder = artifactFolder(artifactsFolder, task.id);
    return task.outputs.flatMap(({ name, path, folder: isFolder }) => {
      const record = product.outputs[name];
      if (record === undefined) throw new Unsettled();
      if (!isFolder) return [this.#view(join(folder, path), record.digest, record.sizeBytes)];
      this.#blob(record.digest);
      return this.#folderViews(join(folder, path), store.blobs.listing(record.digest));
    });
  }

  #folderViews(path: string, listing: readonly TreeEntry[]): SettledView[] {
    const folders = new Set([path]);
    for (const { name } of listing) {
      for (let at = dirname(join(path, name)); at.length > path.length; at = dirname(at)) {
        folders.add(at);
      }
      if (isEmptyFolder(name)) folders.add(join(path, name.slice(0, -1)));
    }
    const own = [...folders].map((each) => ({ entry: this.#viewFolder(each), blob: undefined }));
    const files = listing.filter(({ name }) => !isEmptyFolder(name));
    const expected = files.length + folders.size - 1;
    const found = [...folders].reduce((sum, folder) => sum + readdirSync(folder).length, 0);
    if (found !== expected) throw new Unsettled(); // someone put something there just now
    return [
      ...own,
      ...files.map(({ name, digest, sizeBytes }) =>
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

  #view(path: string, digest: Digest, sizeBytes: number): SettledView {
    const blob = this.#blob(digest, sizeBytes);
    const view = ownStampAt(path);
    if (view === undefined) throw new Unsettled();
    const { size, mtimeMs, inode } = view;
    const number = this.#ledger.add(path, KIND.view, { size, mtimeMs, inode });
    const settled = { entry: number, blob: digest };
    if (inode === blob.inode && mtimeMs === blob.mtimeMs) return settled;
    // A copy: what we put there is on record.
    this.#recorded ??= recordedViews(this.#options.artifactsFolder, this.#options.store);
    const record = this.#recorded.get(path);
    const isOurs =
      record?.digest === digest && record.mtimeMs === mtimeMs && record.inode === inode;
    if (!isOurs || record.size !== size) throw new Unsettled();
    this.#ledger.add(this.#options.store.blobs.path(digest), KIND.store, blob);
    return settled;
  }

  /** The blob, after its folder was noted; what is not whole is not settled. */
  #blob(digest: Digest, sizeBytes?: number): FileStamp {
    const { store } = this.#options;
    const path = store.blobs.path(digest);
    this.#noteShard(dirname(path));
    const stamp = stampAt(path);
    if (stamp === undefined || !isSealed(stamp, digest)) throw new Unsettled();
    if (sizeBytes !== undefined && stamp.size !== sizeBytes) throw new Unsettled();
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
    for (const record of Object.values(outputs)) {
      for (const each of digestsIn(store, record)) {
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
    const now = this.#shards.get(folder);
    const file = this.#options.before?.inspection.file;
    const number = file?.store().get(folder);
    if (now === undefined || file === undefined || number === undefined) return false;
    if (file.kinds[number] !== KIND.store || this.#changed.has(number)) return false;
    return now.mtimeMs === file.stamps[number * 4 + 1] && now.inode === file.stamps[number * 4 + 3];
  }

  /** What leaves a folder right after something came may not move its time: then each is looked at. */
  #addIfShardIsYoung(path: string, stamp: FileStamp): void {
    const shard = this.#shards.get(dirname(path));
    if (shard !== undefined && !isRacy(shard, this.#startedMs)) return;
    this.#ledger.add(path, KIND.young, stamp);
  }
}

/** Blobs that hold an output: a folder's listing and its files, too. */
function digestsIn(store: Store, { kind, digest }: OutputRecord): Digest[] {
  if (kind === 'file') return [digest];
  return [digest, ...store.blobs.listing(digest).map((entry) => entry.digest)];
}

function shardNumber(digest: Digest | Key): number {
  return Number.parseInt(digest.slice(0, 2), 16);
}
