/**
 * The tasks of a settled run with what they made: enough to build on when a source changed, without
 * the plan being read again, and what a hit of each says to a program. A task is only parsed when somebody asks for it: one edit in a thousand
 * tasks costs one of them. Knows no stat and no YAML.
 *
 * Lies beside the settled file, which names it: `settled-….tasks`.
 */
import type { Pipeline } from '../config/pipeline.ts';
import type { Digest } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import { bytesAt } from '../store/bytes-at.ts';
import type { Trace } from '../store/trace.ts';
import {
  bytesOf,
  decodeSections,
  encodeSections,
  integers,
  type Layout,
  type Sections,
} from './sections.ts';
import { spliced, stretches } from './text-pieces.ts';

/** What a hit needs of a trace. */
export type Product = Pick<Trace, 'key' | 'outputs' | 'notes' | 'metrics' | 'cost'>;

/** What a hit says: to a person on stderr, on stdout and on a terminal, and to a program as lines of JSON. */
export interface HitText {
  readonly talk: string;
  readonly data: string;
  readonly live: string;
  readonly events: string;
}

export interface SettledTask {
  readonly task: Task;
  readonly product: Product;
  /** Entries of the settled file that its sources were found by. */
  readonly sources: readonly number[];
  /** Entries of its views in artifacts/. */
  readonly views: readonly number[];
  /** What each of the views shows; undefined for a folder. */
  readonly blobs: readonly (Digest | undefined)[];
  /** Folders of the store that its blobs lie in, by their number. */
  readonly shards: readonly number[];
  readonly text: HitText;
}

interface Head {
  /** What the settled file calls this one. */
  readonly name: string;
  readonly pipeline: Omit<Pipeline, 'stages'>;
  readonly targets: readonly TaskId[];
}

type Record = Pick<SettledTask, 'task' | 'product'>;

const LAYOUT: Layout = {
  magic: 0x70697476,
  names: [
    'head',
    'ids',
    'numbers',
    'upstream',
    'sources',
    'views',
    'shards',
    'blobs',
    'keys',
    'events',
    'records',
  ],
};

/** Columns of `numbers`. */
const COLUMN = { at: 0, length: 1, costMs: 2, talk: 3, data: 4, live: 5, events: 6 } as const;
const COLUMNS = 7;
const KEY_BYTES = 65; // 64 digits and the end of the line
const DIGEST_BYTES = 32;
/** Of a folder of views, which shows no blob. */
const NO_DIGEST = '0'.repeat(2 * DIGEST_BYTES);

export interface PlanToSettle {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly targets: readonly TaskId[];
  /** In a topological order. */
  readonly tasks: readonly SettledTask[];
  upstream(id: TaskId): readonly TaskId[];
}

export function encodeTasks({ name, pipeline, targets, tasks, upstream }: PlanToSettle): Buffer {
  const { stages: _, ...rest } = pipeline;
  const head: Head = { name, pipeline: rest, targets };
  const rank = new Map(tasks.map(({ task }, index) => [task.id, index]));
  const records = tasks.map(recordText);
  const numbers = new Int32Array(tasks.length * COLUMNS);
  let at = 0;
  for (const [index, record] of records.entries()) {
    numbers.set(rowOf(tasks[index] as SettledTask, at, record.length), index * COLUMNS);
    at += record.length;
  }
  const numbersOf = (ids: readonly TaskId[]) => ids.flatMap((id) => rank.get(id) ?? []);
  return encodeSections(
    LAYOUT,
    new Map([
      ['head', Buffer.from(JSON.stringify(head))],
      ['ids', Buffer.from(JSON.stringify(tasks.map(({ task }) => task.id)))],
      ['numbers', bytesOf(numbers)],
      ['upstream', lists(tasks.map(({ task }) => numbersOf(upstream(task.id))))],
      ['sources', lists(tasks.map(({ sources }) => sources))],
      ['views', lists(tasks.map(({ views }) => views))],
      ['shards', lists(tasks.map(({ shards }) => shards))],
      ['blobs', digestBytes(tasks.flatMap(({ blobs }) => blobs))],
      ['keys', Buffer.from(tasks.map(({ product }) => `${product.key}\n`).join(''))],
      ['events', Buffer.from(tasks.map(({ text }) => text.events).join(''))],
      ['records', Buffer.concat(records)],
    ]),
  );
}

function recordText({ task: { stage, ...task }, product }: Record): Buffer {
  // Places are for complaints about the plan, and there is nothing to complain of.
  const { places: _, ...spec } = stage;
  const { key, outputs, notes, metrics, cost } = product;
  return Buffer.from(
    JSON.stringify({
      task: { ...task, stage: spec },
      product: { key, outputs, notes, cost, ...(metrics === undefined ? {} : { metrics }) },
    }),
  );
}

function rowOf(
  { product, text }: Pick<SettledTask, 'product' | 'text'>,
  at: number,
  length: number,
): number[] {
  const row = new Array<number>(COLUMNS).fill(0);
  row[COLUMN.at] = at;
  row[COLUMN.length] = length;
  row[COLUMN.costMs] = Math.min(Math.round(product.cost.wallMs), 2 ** 31 - 1);
  row[COLUMN.talk] = Buffer.byteLength(text.talk);
  row[COLUMN.data] = Buffer.byteLength(text.data);
  row[COLUMN.live] = Buffer.byteLength(text.live);
  row[COLUMN.events] = Buffer.byteLength(text.events);
  return row;
}

/** Where each list begins, where the last one ends, and all of them. */
function lists(of: readonly (readonly number[])[]): Buffer {
  const total = of.reduce((sum, list) => sum + list.length, 0);
  const packed = new Int32Array(of.length + 1 + total);
  let at = of.length + 1;
  for (const [index, list] of of.entries()) {
    packed[index] = at;
    packed.set(list, at);
    at += list.length;
  }
  packed[of.length] = at;
  return bytesOf(packed);
}

function digestBytes(digests: readonly (Digest | undefined)[]): Buffer {
  const bytes = Buffer.alloc(digests.length * DIGEST_BYTES);
  for (const [index, digest] of digests.entries()) {
    bytes.write(digest ?? NO_DIGEST, index * DIGEST_BYTES, 'hex');
  }
  return bytes;
}

/** Undefined where the file is absent, not whole, or belongs to another settled file. */
export function readTasks(
  path: string,
  name: string,
  amendment: Amendment = new Map(),
): SettledPlan | undefined {
  const whole = bytesAt(path);
  const sections = whole && decodeSections(LAYOUT, whole);
  if (sections === undefined) return undefined;
  const plan = new SettledPlan(sections, amendment);
  return plan.name === name ? plan : undefined;
}

/** Texts of hits that the settled file holds. */
type Column = 'talk' | 'data' | 'live';

/** What a task made since the plan was written down. */
export type Amended = Pick<SettledTask, 'product' | 'shards' | 'blobs' | 'text'>;

/** By rank. */
export type Amendment = ReadonlyMap<number, Amended>;

/** From this many on, the plan is written anew with what was amended. */
export const MOST_AMENDED = 64;

/** Tasks by their rank: their place in a topological order. */
export class SettledPlan {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly targets: readonly TaskId[];
  readonly ids: readonly TaskId[];
  readonly #sections: Sections;
  readonly #amendment: Amendment;
  readonly #numbers: Int32Array;
  readonly #lists = new Map<string, Int32Array>();
  readonly #parsed = new Map<number, Record>();
  #ranks: ReadonlyMap<TaskId, number> | undefined;
  #behind: readonly (readonly number[])[] | undefined;

  constructor(sections: Sections, amendment: Amendment) {
    this.#sections = sections;
    this.#amendment = amendment;
    const { name, pipeline, targets } = JSON.parse(this.#part('head').toString()) as Head;
    this.name = name;
    // Nobody asks a settled plan for stages that have no task, and tasks bring their own.
    this.pipeline = { ...pipeline, stages: [] };
    this.targets = targets;
    this.ids = JSON.parse(this.#part('ids').toString()) as TaskId[];
    this.#numbers = integers(this.#part('numbers'));
  }

  rank(id: TaskId): number | undefined {
    this.#ranks ??= new Map(this.ids.map((each, index) => [each, index]));
    return this.#ranks.get(id);
  }

  task(rank: number): Task {
    return this.#record(rank).task;
  }

  product(rank: number): Product {
    return this.#amendment.get(rank)?.product ?? this.#record(rank).product;
  }

  costMs(rank: number): number {
    const wallMs = this.#amendment.get(rank)?.product.cost.wallMs;
    return wallMs ?? this.#number(rank, COLUMN.costMs);
  }

  upstream(rank: number): Int32Array {
    return this.#list('upstream', rank);
  }

  sources(rank: number): Int32Array {
    return this.#list('sources', rank);
  }

  views(rank: number): Int32Array {
    return this.#list('views', rank);
  }

  shards(rank: number): ArrayLike<number> {
    return this.#amendment.get(rank)?.shards ?? this.#list('shards', rank);
  }

  /** What each of the task's views shows; undefined for a folder. */
  blobs(rank: number): readonly (Digest | undefined)[] {
    return Array.from(this.views(rank), (_, index) => this.#blob(rank, index));
  }

  /** Of views by their entries in the settled file; undefined where one shows no file of its own. */
  blobsOf(entries: readonly number[]): readonly Digest[] | undefined {
    const wanted = new Set(entries);
    const found = new Map<number, Digest>();
    for (let rank = 0; rank < this.ids.length; rank += 1) {
      for (const [index, entry] of this.views(rank).entries()) {
        const blob = wanted.has(entry) ? this.#blob(rank, index) : undefined;
        if (blob !== undefined) found.set(entry, blob);
      }
    }
    const blobs = entries.flatMap((entry) => found.get(entry) ?? []);
    return blobs.length === entries.length ? blobs : undefined;
  }

  /** Ranks of tasks with a blob in one of these folders, or with a key that begins so. */
  near(shards: ReadonlySet<number>): number[] {
    const packed = this.#packed('shards');
    const keys = this.#part('keys');
    const near: number[] = [];
    for (let rank = 0; rank < this.ids.length; rank += 1) {
      let isNear = shards.has(byteOf(keys, rank * KEY_BYTES));
      const end = packed[rank + 1] as number;
      for (let at = packed[rank] as number; at < end && !isNear; at += 1) {
        isNear = shards.has(packed[at] as number);
      }
      // What was amended is few, and is looked at by whoever asked.
      if (isNear || this.#amendment.has(rank)) near.push(rank);
    }
    return near;
  }

  downstream(rank: number): readonly number[] {
    this.#behind ??= this.#invert();
    return this.#behind[rank] ?? [];
  }

  /** One a line, by rank. */
  get keys(): Buffer {
    const keys = Buffer.from(this.#part('keys'));
    for (const [rank, { product }] of this.#amendment) {
      keys.write(`${product.key}\n`, rank * KEY_BYTES);
    }
    return keys;
  }

  /** The ids as JSON. */
  get idsText(): Buffer {
    return this.#part('ids');
  }

  /** What all hits say to a program. */
  get events(): Buffer {
    return this.#events(this.ids.map((_, rank) => rank));
  }

  /** What hits of these tasks say; `said` is the settled file's. */
  hitTexts(ranks: readonly number[], said: { readonly [name in Column]: Buffer }) {
    const column = (name: Column) => {
      const whole = said[name];
      if (whole.length === 0) return whole;
      const length = (rank: number) => this.#saidLength(rank, name);
      const pieces = stretches(length, ranks).map(({ from, to }) => whole.subarray(from, to));
      return Buffer.concat(pieces);
    };
    return {
      talk: () => column('talk'),
      data: () => column('data'),
      live: () => column('live'),
      events: () => this.#events(ranks),
    };
  }

  /** What was amended before, too. */
  withAmended(amendment: Amendment): Amendment {
    return new Map([...this.#amendment, ...amendment]);
  }

  /** What all hits say to a person, where some say something else now. */
  amendedText(name: Column, whole: Buffer, amendment: Amendment): Buffer {
    return spliced(
      this.ids.length,
      whole,
      (rank) => this.#saidLength(rank, name),
      textsOf(amendment, name),
    );
  }

  /** The same plan under another name with all that was amended. */
  rewritten(name: string, amendment: Amendment): Buffer {
    const all = this.withAmended(amendment);
    const { stages: _, ...pipeline } = this.pipeline;
    const head: Head = { name, pipeline, targets: this.targets };
    const numbers = Int32Array.from(this.#numbers);
    const keys = Buffer.from(this.#part('keys'));
    const old = this.#part('records');
    const blobs = Buffer.from(this.#part('blobs'));
    const added: Buffer[] = [];
    let at = old.length;
    for (const [rank, amended] of all) {
      const { product } = amended;
      const record = recordText({ task: this.task(rank), product });
      numbers.set(rowOf(amended, at, record.length), rank * COLUMNS);
      digestBytes(amended.blobs).copy(blobs, this.#firstBlob(rank) * DIGEST_BYTES);
      keys.write(`${product.key}\n`, rank * KEY_BYTES);
      added.push(record);
      at += record.length;
    }
    const more = new Map([
      ['head', Buffer.from(JSON.stringify(head))],
      ['numbers', bytesOf(numbers)],
      ['keys', keys],
      ['blobs', blobs],
      [
        'events',
        this.#events(
          this.ids.map((__, rank) => rank),
          all,
        ),
      ],
      ['records', compact(numbers, Buffer.concat([old, ...added]))],
      [
        'shards',
        lists(this.ids.map((__, rank) => Array.from(all.get(rank)?.shards ?? this.shards(rank)))),
      ],
    ]);
    return encodeSections(LAYOUT, new Map([...this.#sections, ...more]));
  }

  #events(ranks: readonly number[], amendment = this.#amendment): Buffer {
    const whole = this.#part('events');
    const length = (rank: number) => this.#number(rank, COLUMN.events);
    if (ranks.length === this.ids.length) {
      return spliced(ranks.length, whole, length, textsOf(amendment, 'events'));
    }
    const apart = (rank: number) => amendment.get(rank)?.text.events;
    const pieces: Buffer[] = [];
    for (const { from, to } of stretches(
      length,
      ranks.filter((rank) => apart(rank) === undefined),
    )) {
      pieces.push(whole.subarray(from, to));
    }
    for (const rank of ranks) {
      const text = apart(rank);
      if (text !== undefined) pieces.push(Buffer.from(text));
    }
    return Buffer.concat(pieces);
  }

  #saidLength(rank: number, name: Column): number {
    const text = this.#amendment.get(rank)?.text[name];
    return text === undefined ? this.#number(rank, COLUMN[name]) : Buffer.byteLength(text);
  }

  #part(name: string): Buffer {
    return this.#sections.get(name) as Buffer;
  }

  #number(rank: number, column: number): number {
    return this.#numbers[rank * COLUMNS + column] as number;
  }

  #list(name: string, rank: number): Int32Array {
    const packed = this.#packed(name);
    return packed.subarray(packed[rank], packed[rank + 1]);
  }

  /** How many views the tasks before it have. */
  #firstBlob(rank: number): number {
    return (this.#packed('views')[rank] as number) - this.ids.length - 1;
  }

  #blob(rank: number, index: number): Digest | undefined {
    const amended = this.#amendment.get(rank);
    if (amended !== undefined) return amended.blobs[index] ?? undefined; // JSON has null for it
    const at = (this.#firstBlob(rank) + index) * DIGEST_BYTES;
    const digest = this.#part('blobs').toString('hex', at, at + DIGEST_BYTES);
    return digest === NO_DIGEST ? undefined : (digest as Digest);
  }

  #packed(name: string): Int32Array {
    let packed = this.#lists.get(name);
    if (packed === undefined) {
      packed = integers(this.#part(name));
      this.#lists.set(name, packed);
    }
    return packed;
  }

  #record(rank: number): Record {
    const known = this.#parsed.get(rank);
    if (known !== undefined) return known;
    const at = this.#number(rank, COLUMN.at);
    const end = at + this.#number(rank, COLUMN.length);
    const record = JSON.parse(this.#part('records').toString('utf8', at, end)) as Record;
    this.#parsed.set(rank, record);
    return record;
  }

  #invert(): number[][] {
    const behind: number[][] = this.ids.map(() => []);
    for (let rank = 0; rank < this.ids.length; rank += 1) {
      for (const each of this.upstream(rank)) (behind[each] as number[]).push(rank);
    }
    return behind;
  }
}

/** The byte that two hexadecimal digits stand for. */
function byteOf(text: Buffer, at: number): number {
  return (digitOf(text[at]) << 4) | digitOf(text[at + 1]);
}

function digitOf(code = 0): number {
  return code < 58 ? code - 48 : code - 87;
}

function textsOf(amendment: Amendment, name: keyof HitText): ReadonlyMap<number, string> {
  return new Map([...amendment].map(([rank, { text }]) => [rank, text[name]]));
}

/** Records that nobody points to any more go when they are more than the others. */
function compact(numbers: Int32Array, records: Buffer): Buffer {
  let live = 0;
  for (let row = 0; row < numbers.length; row += COLUMNS) {
    live += numbers[row + COLUMN.length] as number;
  }
  if (records.length <= 2 * live) return records;
  const kept: Buffer[] = [];
  let at = 0;
  for (let row = 0; row < numbers.length; row += COLUMNS) {
    const from = numbers[row + COLUMN.at] as number;
    const length = numbers[row + COLUMN.length] as number;
    kept.push(records.subarray(from, from + length));
    numbers[row + COLUMN.at] = at;
    at += length;
  }
  return Buffer.concat(kept);
}

/** The graph that the plan would give again; it answers only the question that it was asked before. */
export function graphOf(plan: SettledPlan): TaskGraph {
  const ids = (ranks: Iterable<number>) => [...ranks].map((rank) => plan.ids[rank] as TaskId);
  return {
    pipeline: plan.pipeline,
    tasks: new LazyTasks(plan),
    upstream: (id) => ids(plan.upstream(plan.rank(id) as number)),
    downstream: (id) => ids(plan.downstream(plan.rank(id) as number)),
    closure: () => ({ targets: plan.targets, tasks: plan.ids }),
  };
}

/** A map that parses a task when it is asked for it. */
class LazyTasks implements ReadonlyMap<TaskId, Task> {
  readonly #plan: SettledPlan;

  constructor(plan: SettledPlan) {
    this.#plan = plan;
  }

  get size(): number {
    return this.#plan.ids.length;
  }

  get(id: TaskId): Task | undefined {
    const rank = this.#plan.rank(id);
    return rank === undefined ? undefined : this.#plan.task(rank);
  }

  has(id: TaskId): boolean {
    return this.#plan.rank(id) !== undefined;
  }

  keys(): MapIterator<TaskId> {
    return this.#plan.ids[Symbol.iterator]() as MapIterator<TaskId>;
  }

  *entries(): MapIterator<[TaskId, Task]> {
    for (const [rank, id] of this.#plan.ids.entries()) yield [id, this.#plan.task(rank)];
  }

  *values(): MapIterator<Task> {
    for (const [, task] of this.entries()) yield task;
  }

  [Symbol.iterator](): MapIterator<[TaskId, Task]> {
    return this.entries();
  }

  forEach(visit: (task: Task, id: TaskId, map: ReadonlyMap<TaskId, Task>) => void): void {
    for (const [id, task] of this) visit(task, id, this);
  }
}
