/**
 * The tasks of a settled run with what they made: enough to build on when a source changed, without
 * the plan being read again, and what a hit of each says to a program. A task is only parsed when somebody asks for it: one edit in a thousand
 * tasks costs one of them. Knows no stat and no YAML.
 *
 * Lies beside the settled file, which names it: `settled-….tasks`.
 */
import { readFileSync } from 'node:fs';
import type { Pipeline } from '../config/pipeline.ts';
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import type { Trace } from '../store/trace.ts';
import {
  bytesOf,
  decodeSections,
  encodeSections,
  integers,
  type Layout,
  type Sections,
} from './sections.ts';

/** What a hit needs of a trace. */
export type Product = Pick<Trace, 'key' | 'outputs' | 'notes' | 'metrics' | 'cost'>;

/** What a hit says: to a person on stderr and stdout, and to a program as lines of JSON. */
export interface HitText {
  readonly talk: string;
  readonly data: string;
  readonly events: string;
}

export interface SettledTask {
  readonly task: Task;
  readonly product: Product;
  /** Entries of the settled file that its sources were found by. */
  readonly sources: readonly number[];
  /** Entries of its views in artifacts/. */
  readonly views: readonly number[];
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
  magic: 0x70697474,
  names: [
    'head',
    'ids',
    'numbers',
    'upstream',
    'sources',
    'views',
    'shards',
    'keys',
    'events',
    'records',
  ],
};

/** Columns of `numbers`. */
const COLUMN = { at: 0, length: 1, costMs: 2, talk: 3, data: 4, events: 5 } as const;
const COLUMNS = 6;
const KEY_BYTES = 65; // 64 digits and the end of the line

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

function rowOf({ product, text }: SettledTask, at: number, length: number): number[] {
  const row = new Array<number>(COLUMNS).fill(0);
  row[COLUMN.at] = at;
  row[COLUMN.length] = length;
  row[COLUMN.costMs] = Math.min(Math.round(product.cost.wallMs), 2 ** 31 - 1);
  row[COLUMN.talk] = Buffer.byteLength(text.talk);
  row[COLUMN.data] = Buffer.byteLength(text.data);
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

/** Undefined where the file is absent, not whole, or belongs to another settled file. */
export function readTasks(path: string, name: string): SettledPlan | undefined {
  let whole: Buffer;
  try {
    whole = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined; // as with the settled file: then there is no answer
  }
  const sections = decodeSections(LAYOUT, whole);
  if (sections === undefined) return undefined;
  const plan = new SettledPlan(sections);
  return plan.name === name ? plan : undefined;
}

/** What a task is replaced by. */
export type Amendment = ReadonlyMap<number, Omit<SettledTask, 'sources' | 'views'>>;

/** Tasks by their rank: their place in a topological order. */
export class SettledPlan {
  readonly name: string;
  readonly pipeline: Pipeline;
  readonly targets: readonly TaskId[];
  readonly ids: readonly TaskId[];
  readonly #sections: Sections;
  readonly #numbers: Int32Array;
  readonly #lists = new Map<string, Int32Array>();
  readonly #parsed = new Map<number, Record>();
  #ranks: ReadonlyMap<TaskId, number> | undefined;
  #behind: readonly (readonly number[])[] | undefined;

  constructor(sections: Sections) {
    this.#sections = sections;
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
    return this.#record(rank).product;
  }

  costMs(rank: number): number {
    return this.#number(rank, COLUMN.costMs);
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

  shards(rank: number): Int32Array {
    return this.#list('shards', rank);
  }

  downstream(rank: number): readonly number[] {
    this.#behind ??= this.#invert();
    return this.#behind[rank] ?? [];
  }

  /** The first two digits of its key, which name a folder of the store. */
  keyStart(rank: number): string {
    return this.#part('keys').toString('latin1', rank * KEY_BYTES, rank * KEY_BYTES + 2);
  }

  /** One a line, by rank. */
  get keys(): Buffer {
    return this.#part('keys');
  }

  /** The ids as JSON. */
  get idsText(): Buffer {
    return this.#part('ids');
  }

  /** What all hits say to a program. */
  get events(): Buffer {
    return this.#part('events');
  }

  /** What hits of these tasks say; `said` is the settled file's. */
  hitTexts(ranks: readonly number[], said: { readonly talk: Buffer; readonly data: Buffer }) {
    const column = (name: 'talk' | 'data' | 'events', whole: Buffer) =>
      Buffer.concat(
        this.#stretches(COLUMN[name], ranks).map(([from, to]) => whole.subarray(from, to)),
      );
    return {
      talk: column('talk', said.talk),
      data: column('data', said.data),
      events: column('events', this.#part('events')),
    };
  }

  /** The same plan under another name with other products of some tasks. */
  amended(name: string, amendment: Amendment): Buffer {
    const { stages: _, ...pipeline } = this.pipeline;
    const head: Head = { name, pipeline, targets: this.targets };
    const numbers = Int32Array.from(this.#numbers);
    const keys = Buffer.from(this.#part('keys'));
    const old = this.#part('records');
    const added: Buffer[] = [];
    let at = old.length;
    for (const [rank, settled] of amendment) {
      const record = recordText(settled);
      numbers.set(rowOf({ ...settled, sources: [], views: [] }, at, record.length), rank * COLUMNS);
      keys.write(`${settled.product.key}\n`, rank * KEY_BYTES);
      added.push(record);
      at += record.length;
    }
    const records = compact(numbers, Buffer.concat([old, ...added]));
    const events = this.amendedText('events', this.#part('events'), amendment);
    const more = new Map([
      ['head', Buffer.from(JSON.stringify(head))],
      ['numbers', bytesOf(numbers)],
      ['keys', keys],
      ['events', events],
      ['records', records],
      ['shards', this.#amendedShards(amendment)],
    ]);
    return encodeSections(LAYOUT, new Map([...this.#sections, ...more]));
  }

  /** What all hits say, where some say something else now. */
  amendedText(name: 'talk' | 'data' | 'events', whole: Buffer, amendment: Amendment): Buffer {
    const kept = this.ids.flatMap((_, rank) => (amendment.has(rank) ? [] : [rank]));
    const pieces: [number, Buffer][] = [];
    for (const [from, to, rank] of this.#stretches(COLUMN[name], kept)) {
      pieces.push([rank, whole.subarray(from, to)]);
    }
    for (const [rank, { text }] of amendment) pieces.push([rank, Buffer.from(text[name])]);
    return Buffer.concat(pieces.sort(([a], [b]) => a - b).map(([, piece]) => piece));
  }

  #amendedShards(amendment: Amendment): Buffer {
    const isSame = [...amendment].every(([rank, { shards }]) => {
      const before = this.shards(rank);
      return before.length === shards.length && shards.every((each, at) => before[at] === each);
    });
    if (isSame) return this.#part('shards');
    return lists(this.ids.map((_, rank) => amendment.get(rank)?.shards ?? [...this.shards(rank)]));
  }

  /** Ranks that follow each other say one stretch of text: `[from, to, first rank]`. */
  #stretches(column: number, ranks: readonly number[]): [number, number, number][] {
    const stretches: [number, number, number][] = [];
    let [next, at] = [0, 0];
    let last: [number, number, number] | undefined;
    for (const rank of ranks) {
      const isNext = last !== undefined && rank === next;
      for (; next < rank; next += 1) at += this.#number(next, column);
      const end = at + this.#number(rank, column);
      if (isNext && last !== undefined) last[1] = end;
      else {
        last = [at, end, rank];
        stretches.push(last);
      }
      next = rank + 1;
      at = end;
    }
    return stretches;
  }

  #part(name: string): Buffer {
    return this.#sections.get(name) as Buffer;
  }

  #number(rank: number, column: number): number {
    return this.#numbers[rank * COLUMNS + column] as number;
  }

  #list(name: string, rank: number): Int32Array {
    let packed = this.#lists.get(name);
    if (packed === undefined) {
      packed = integers(this.#part(name));
      this.#lists.set(name, packed);
    }
    return packed.subarray(packed[rank], packed[rank + 1]);
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
