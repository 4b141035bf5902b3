/**
 * The entries of a settled file while they are written down: from nothing, or on those of an earlier
 * answer. Knows no task and looks at nothing itself.
 */
import { dirname } from 'node:path';
import { type FileStamp, isRacy } from '../store/file-stamp.ts';
import type { Inspection } from './settled.ts';
import {
  bytesOfPaths,
  type Entry,
  KIND,
  type Kind,
  numbersOf,
  type SettledFile,
} from './settled-file.ts';

/** Something moved since it was looked at. */
export class Unsettled extends Error {}

export type Look = Omit<FileStamp, 'ctimeMs'> & { ctimeMs?: number };

/** Where what was looked at is noted. */
export interface Ledger {
  /** The number of the entry; a path is looked at once in each way. */
  add(path: string, kind: Kind, look: Look): number;
  addRacy(number: number, digest: string): void;
}

/** From nothing. */
export class NewEntries implements Ledger {
  readonly entries: Entry[] = [];
  readonly racy = new Map<number, string>();
  /** How many entries a later look could do without. */
  young = 0;
  readonly #numbers = new Map<string, number>();

  add(path: string, kind: Kind, look: Look): number {
    const name = `${kind}${path}`;
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const number = this.entries.length;
    this.#numbers.set(name, number);
    this.entries.push({ ctimeMs: 0, ...look, path, kind });
    if (kind === KIND.young) this.young += 1;
    return number;
  }

  addRacy(number: number, digest: string): void {
    this.racy.set(number, digest);
  }
}

/** On the entries of an earlier answer: those of a task stay the same ones, the store's may be more. */
export class Patch implements Ledger {
  readonly racy: Map<number, string>;
  readonly touched = new Set<number>();
  #stamps: Float64Array;
  #kinds: Uint8Array;
  readonly #paths: string[];
  /** Of the store, by path. */
  readonly #store: Map<string, number>;
  readonly #free: number[];
  readonly #before: SettledFile;
  /** A place that was free has another path now. */
  #isRenamed = false;
  #own: ReadonlyMap<string, number> = new Map();
  #seen = new Set<number>();

  constructor({ file, changed, atMs }: Inspection, isShard: (path: string) => boolean) {
    const { stamps, kinds, paths, head } = file;
    this.#before = file;
    this.#stamps = enlarged(Float64Array, stamps, stamps.length + 4 * SPARE);
    this.#kinds = enlarged(Uint8Array, kinds, kinds.length + SPARE);
    this.#paths = [...paths];
    this.#store = new Map(file.store());
    this.#free = numbersOf(kinds, KIND.free);
    const mtimeOf = (number: number) => ({ mtimeMs: stamps[number * 4 + 1] as number });
    // What was the same when it was looked at, and is old enough by now, is told by its times again.
    this.racy = new Map(head.racy.filter(([number]) => isRacy(mtimeOf(number), atMs)));
    const moved = new Set(changed);
    const isOld = (folder: string) => {
      const shard = isShard(folder) ? file.store().get(folder) : undefined;
      return shard !== undefined && !moved.has(shard) && !isRacy(mtimeOf(shard), atMs);
    };
    for (const number of numbersOf(kinds, KIND.young)) {
      const path = paths[number] as string;
      if (!isOld(dirname(path))) continue;
      this.#kinds[number] = KIND.free;
      this.#store.delete(path);
      this.#free.push(number);
    }
  }

  get young(): number {
    return numbersOf(this.#kinds.subarray(0, this.#paths.length), KIND.young).length;
  }

  /** What follows is looked at for a task that had these entries. */
  begin(own: readonly number[]): void {
    this.#seen = new Set();
    this.#own = new Map(
      own.map((number) => [`${this.#kinds[number]}${this.#paths[number]}`, number]),
    );
  }

  /** Throws where it no longer rests on the same entries. */
  end(): void {
    if (this.#seen.size !== this.#own.size) throw new Unsettled();
  }

  add(path: string, kind: Kind, look: Look): number {
    const isStore = kind === KIND.store || kind === KIND.young;
    const number = isStore ? this.#inStore(path, kind) : this.#own.get(`${kind}${path}`);
    if (number === undefined) throw new Unsettled();
    if (!isStore) this.#seen.add(number);
    // What was seen first is what counts: should it have changed since, the next look tells.
    if (this.touched.has(number)) return number;
    this.touched.add(number);
    this.racy.delete(number);
    const { size, mtimeMs, ctimeMs = 0, inode } = look;
    for (const [at, value] of [size, mtimeMs, ctimeMs, inode].entries()) {
      this.#stamps[number * 4 + at] = value;
    }
    return number;
  }

  addRacy(number: number, digest: string): void {
    if (!this.racy.has(number)) this.racy.set(number, digest);
  }

  entries() {
    const count = this.#paths.length;
    const [stamps, kinds] = [this.#stamps.slice(0, 4 * count), this.#kinds.slice(0, count)];
    return { stamps, kinds, paths: this.#paths, pathBytes: this.#pathBytes() };
  }

  /** Most paths are as they were: those need not be written anew. */
  #pathBytes(): Buffer {
    const { count, pathBytes } = this.#before;
    if (this.#isRenamed || count === 0) return bytesOfPaths(this.#paths);
    const added = this.#paths.slice(count);
    if (added.length === 0) return pathBytes;
    return Buffer.concat([pathBytes, Buffer.from('\0'), bytesOfPaths(added)]);
  }

  #inStore(path: string, kind: Kind): number {
    const known = this.#store.get(path);
    if (known !== undefined) return known;
    const free = this.#free.pop();
    const number = free ?? this.#paths.length;
    if (free !== undefined && this.#paths[free] !== path) this.#isRenamed = true;
    if (number === this.#kinds.length) {
      this.#stamps = enlarged(Float64Array, this.#stamps, 8 * number);
      this.#kinds = enlarged(Uint8Array, this.#kinds, 2 * number);
    }
    this.#paths[number] = path;
    this.#kinds[number] = kind;
    this.#store.set(path, number);
    return number;
  }
}

/** Room for what a few tasks add. */
const SPARE = 64;

function enlarged<Numbers extends Float64Array | Uint8Array>(
  make: new (length: number) => Numbers,
  numbers: ArrayLike<number>,
  length: number,
): Numbers {
  const larger = new make(length);
  larger.set(numbers);
  return larger;
}

export const NOTHING: FileStamp = { size: 0, mtimeMs: 0, ctimeMs: 0, inode: 0 };
