/**
 * The form on disk of a settled run: everything whose stat decides whether the same question has the
 * same answer, and the answer. Knows only bytes: it is loaded on every start, before anything else.
 */
import { bytesAt } from '../store/bytes-at.ts';
import {
  bytesOf,
  decodeSections,
  doubles,
  encodeSections,
  type Layout,
  type Sections,
} from './sections.ts';
import type { Amended, Amendment } from './settled-tasks.ts';

/** How an entry is looked at, and what of it must be the same. */
export const KIND = {
  /** A file of the plan (pipeline.yaml, code, lockfile, pipe itself): size, times, inode. */
  plan: 0,
  /** A source file of a task: size, times, inode. */
  source: 1,
  /** A folder that an expansion read: mtime and inode. */
  folder: 2,
  /** Nothing is there, which an expansion relies on. */
  absent: 3,
  /** A view in artifacts/, itself and not what it may point to: size, mtime, inode. */
  view: 4,
  /** A folder of views, which holds nothing else: mtime and inode. */
  viewFolder: 5,
  /** A blob that no view shares, or a folder of the store: mtime and inode. */
  store: 6,
  /** Nothing is there, and the plan would be another if something were. */
  planAbsent: 7,
  /** What lies in a folder of the store that had just been written, and so may lose it unseen. */
  young: 8,
  /** Nothing is looked at: the place is free for another entry. */
  free: 9,
} as const;

export type Kind = (typeof KIND)[keyof typeof KIND];

export interface Entry {
  readonly path: string;
  readonly kind: Kind;
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
}

export interface SettledHead {
  /** Raised with what the entries mean. */
  readonly schema: number;
  /** The exact words of the command line: another word is another question. */
  readonly words: readonly string[];
  readonly file: string;
  /** Everything of the process that can change the answer. */
  readonly conditions: { readonly [name: string]: string };
  /** The declared environment variables, null where unset. */
  readonly environment: { readonly [name: string]: string | null };
  /** Entries that may have changed again without their times moving, with the digest of what they held. */
  readonly racy: readonly (readonly [entry: number, digest: string])[];
  /** How many entries are only there because what they lie in had just been written. */
  readonly young: number;
  readonly settledAtMs: number;
  /** The run whose record a repetition stands for. */
  readonly runId: string;
  readonly hits: number;
  /** Which file of tasks belongs to this one: both are written anew together. */
  readonly tasks: string;
  /** Folder of the store's blobs. */
  readonly blobs: string;
}

export const SETTLED_SCHEMA = 3;

const LAYOUT: Layout = {
  magic: 0x70697033,
  names: ['stamps', 'kinds', 'paths', 'head', 'talk', 'data', 'live', 'amended'],
};

/** What a run of hits says to a person. */
export interface Said {
  /** On stderr, in plain lines. */
  readonly talk: Buffer;
  /** On stdout. */
  readonly data: Buffer;
  /** On stderr, if that is a terminal. */
  readonly live: Buffer;
}

export interface Entries {
  /** Four an entry: size, mtime, ctime, inode. */
  readonly stamps: Float64Array;
  readonly kinds: Uint8Array;
  readonly paths: readonly string[];
  /** The paths as they are written down, if that is known. */
  readonly pathBytes?: Buffer;
}

export function entriesOf(entries: readonly Entry[]): Entries {
  const stamps = new Float64Array(entries.length * 4);
  const kinds = new Uint8Array(entries.length);
  for (const [index, { kind, size, mtimeMs, ctimeMs, inode }] of entries.entries()) {
    stamps.set([size, mtimeMs, ctimeMs, inode], index * 4);
    kinds[index] = kind;
  }
  return { stamps, kinds, paths: entries.map(({ path }) => path) };
}

export function encodeSettled(
  head: SettledHead,
  { stamps, kinds, paths, pathBytes }: Entries,
  said: Said,
  amended: Amendment = new Map(),
): Buffer {
  return encodeSections(
    LAYOUT,
    new Map([
      ['stamps', bytesOf(stamps)],
      ['kinds', Buffer.from(kinds)],
      ['paths', pathBytes ?? bytesOfPaths(paths)],
      ['head', Buffer.from(JSON.stringify(head))],
      ['talk', said.talk],
      ['data', said.data],
      ['live', said.live],
      ['amended', amended.size === 0 ? NONE : Buffer.from(JSON.stringify([...amended]))],
    ]),
  );
}

const NONE = Buffer.alloc(0);

export function bytesOfPaths(paths: readonly string[]): Buffer {
  return Buffer.from(paths.join('\0'));
}

export interface SettledFile extends Entries, Said {
  readonly head: SettledHead;
  readonly count: number;
  readonly pathBytes: Buffer;
  /** Entries of the store by their paths: folders, and what was young. */
  store(): ReadonlyMap<string, number>;
  /** What tasks made since the file of tasks was written. */
  amended(): Amendment;
}

/** Undefined where there is no such file, or it can't be read, or is not whole: then there is no answer. */
export function readSettled(path: string): SettledFile | undefined {
  const whole = bytesAt(path);
  return whole === undefined ? undefined : decodeSettled(whole);
}

export function decodeSettled(whole: Buffer): SettledFile | undefined {
  const sections = decodeSections(LAYOUT, whole);
  return sections === undefined ? undefined : fileOf(sections);
}

function fileOf(sections: Sections): SettledFile | undefined {
  const part = (name: string) => sections.get(name) as Buffer;
  const head = JSON.parse(part('head').toString()) as SettledHead;
  if (head.schema !== SETTLED_SCHEMA) return undefined;
  const kinds = part('kinds');
  const pathBytes = part('paths');
  let paths: readonly string[] | undefined;
  const allPaths = () => {
    paths ??= kinds.length === 0 ? [] : pathBytes.toString().split('\0');
    return paths;
  };
  let store: ReadonlyMap<string, number> | undefined;
  return {
    head,
    count: kinds.length,
    stamps: doubles(part('stamps')),
    kinds,
    get paths() {
      return allPaths();
    },
    pathBytes,
    store() {
      store ??= storeEntries(kinds, allPaths());
      return store;
    },
    talk: part('talk'),
    data: part('data'),
    live: part('live'),
    amended() {
      const text = part('amended').toString();
      return new Map(text === '' ? [] : (JSON.parse(text) as [number, Amended][]));
    },
  };
}

/** Found by their kind, which is faster than to look at all entries. */
function storeEntries(kinds: Uint8Array, paths: readonly string[]): Map<string, number> {
  const found = new Map<string, number>();
  for (const kind of [KIND.store, KIND.young]) {
    for (const number of numbersOf(kinds, kind)) found.set(paths[number] as string, number);
  }
  return found;
}

/** The entries of a kind. */
export function numbersOf(kinds: Uint8Array, kind: Kind): number[] {
  const numbers: number[] = [];
  for (let at = kinds.indexOf(kind); at >= 0; at = kinds.indexOf(kind, at + 1)) numbers.push(at);
  return numbers;
}
