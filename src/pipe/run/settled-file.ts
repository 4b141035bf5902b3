/**
 * The form on disk of a settled run: everything whose stat decides whether the same question has the
 * same answer, and the answer. Knows only bytes: it is loaded on every start, before anything else.
 *
 * `preamble | stamps (4 doubles an entry) | kinds (1 byte an entry) | paths | head as JSON | texts`,
 * with a checksum over all that follows the preamble. Torn or damaged reads as absent.
 */
import { readFileSync } from 'node:fs';

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
  /** Raised with the form and with what the entries mean. */
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
  /** SHA-256 of the file with the tasks, which lies beside this one. */
  readonly tasks: string;
}

/** What a run of hits says: on stderr, on stdout, and to a program. */
export interface SettledTexts {
  readonly talk: string;
  readonly data: string;
  /** Task ids as JSON. */
  readonly tasks: string;
  /** Events between the first and the summary, as lines of JSON. */
  readonly events: string;
}

export const SETTLED_SCHEMA = 1;

const MAGIC = 0x70697065;
const PREAMBLE_BYTES = 64;
const SECTIONS = ['stamps', 'kinds', 'paths', 'head', 'talk', 'data', 'tasks', 'events'] as const;

export function encodeSettled(
  head: SettledHead,
  entries: readonly Entry[],
  texts: SettledTexts,
): Buffer {
  const stamps = new Float64Array(entries.length * 4);
  const kinds = Buffer.alloc(entries.length);
  for (const [index, { kind, size, mtimeMs, ctimeMs, inode }] of entries.entries()) {
    stamps.set([size, mtimeMs, ctimeMs, inode], index * 4);
    kinds[index] = kind;
  }
  const parts = [
    Buffer.from(stamps.buffer),
    kinds,
    Buffer.from(entries.map(({ path }) => path).join('\0')),
    Buffer.from(JSON.stringify(head)),
    ...[texts.talk, texts.data, texts.tasks, texts.events].map((text) => Buffer.from(text)),
  ];
  const length = parts.reduce((sum, part) => sum + part.length, PREAMBLE_BYTES);
  const whole = Buffer.alloc(Math.ceil(length / 4) * 4);
  let at = PREAMBLE_BYTES;
  for (const [index, part] of parts.entries()) {
    part.copy(whole, at);
    whole.writeUInt32LE(part.length, 8 + index * 4);
    at += part.length;
  }
  whole.writeUInt32LE(whole.length, 8 + SECTIONS.length * 4);
  whole.writeUInt32LE(MAGIC, 0);
  whole.writeUInt32LE(checksum(whole), 4);
  return whole;
}

export interface SettledFile {
  readonly head: SettledHead;
  readonly count: number;
  /** Four an entry: size, mtime, ctime, inode. */
  readonly stamps: Float64Array;
  readonly kinds: Uint8Array;
  readonly paths: readonly string[];
  text(name: keyof SettledTexts): Buffer;
}

/** Undefined where there is no such file, or it can't be read, or is not whole: then there is no answer. */
export function readSettled(path: string): SettledFile | undefined {
  let whole: Buffer;
  try {
    whole = readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
  return decodeSettled(whole);
}

export function decodeSettled(whole: Buffer): SettledFile | undefined {
  if (whole.length < PREAMBLE_BYTES || whole.readUInt32LE(0) !== MAGIC) return undefined;
  if (whole.readUInt32LE(8 + SECTIONS.length * 4) !== whole.length) return undefined;
  if (whole.readUInt32LE(4) !== checksum(whole)) return undefined;
  const places = new Map<string, Buffer>();
  let at = PREAMBLE_BYTES;
  for (const [index, name] of SECTIONS.entries()) {
    const length = whole.readUInt32LE(8 + index * 4);
    places.set(name, whole.subarray(at, at + length));
    at += length;
  }
  const part = (name: string) => places.get(name) as Buffer;
  const head = JSON.parse(part('head').toString()) as SettledHead;
  if (head.schema !== SETTLED_SCHEMA) return undefined;
  const kinds = part('kinds');
  const { buffer, byteOffset, length } = part('stamps');
  return {
    head,
    count: kinds.length,
    stamps: new Float64Array(buffer.slice(byteOffset, byteOffset + length)),
    kinds,
    paths: kinds.length === 0 ? [] : part('paths').toString().split('\0'),
    text: part,
  };
}

/** Against torn writes and flipped bits, not against an enemy: four lanes, a word at a time. */
function checksum(whole: Buffer): number {
  const { buffer, byteOffset, length } = whole;
  const aligned = byteOffset % 4 === 0 ? buffer : buffer.slice(byteOffset, byteOffset + length);
  const words = new Uint32Array(aligned, byteOffset % 4 === 0 ? byteOffset : 0, length >> 2);
  let [a, b] = [0x9e3779b1, 0x85ebca6b];
  for (let at = 2; at < words.length; at += 1) {
    a = Math.imul(a ^ (words[at] as number), 0x01000193);
    b = Math.imul((b << 5) | (b >>> 27), 0x27d4eb2f) ^ a;
  }
  return (a ^ b) >>> 0;
}
