/**
 * The records of a data file: the lines of JSON lines and CSV, the entries of a JSON document; and how
 * two versions of a file differ in them. Reads no file and knows no digest of content: records are
 * only recognised, so a short hash will do.
 */
import { extname } from 'node:path';
import { canonicalJson, type Json, type JsonObject } from '../json.ts';
import type { RecordChange, RecordsChange } from './change.ts';

export interface FileRecords {
  readonly unit: RecordsChange['unit'];
  /** Names of the entries of a mapping; lines and list items go by their place. */
  readonly names?: readonly string[];
  /** A short hash of each record, in file order. */
  readonly marks: readonly string[];
}

/** The records' texts, which only the version at hand has. */
export interface ReadRecords extends FileRecords {
  readonly texts: readonly string[];
}

const LINES: readonly string[] = ['.jsonl', '.ndjson', '.csv', '.tsv', '.txt'];
const MOST_NAMED = 3;
const LONGEST_TEXT = 160;

export function hasRecords(name: string): boolean {
  return extname(name) === '.json' || LINES.includes(extname(name));
}

/** Undefined where the file has no records that we know, such as broken JSON. */
export function readRecords(
  bytes: Buffer,
  name: string,
  markOf: (text: string) => string,
): ReadRecords | undefined {
  if (!hasRecords(name)) return undefined;
  const found = extname(name) === '.json' ? entriesOf(bytes) : linesOf(bytes);
  return found && { ...found, marks: found.texts.map(markOf) };
}

type Texts = Omit<ReadRecords, 'marks'>;

function linesOf(bytes: Buffer): Texts {
  const texts = bytes.toString('utf8').split('\n');
  if (texts.at(-1) === '') texts.pop();
  return { unit: 'line', texts };
}

function entriesOf(bytes: Buffer): Texts | undefined {
  let value: Json;
  try {
    value = JSON.parse(bytes.toString('utf8')) as Json;
  } catch {
    return undefined; // the stage that reads it will say what is wrong
  }
  if (value === null || typeof value !== 'object') return undefined;
  const texts = Object.values(value as JsonObject).map(canonicalJson);
  return Array.isArray(value)
    ? { unit: 'entry', texts }
    : { unit: 'entry', names: Object.keys(value), texts };
}

/** Undefined where they are not comparable, or differ in nothing but form (blanks, order). */
export function differingRecords(
  before: FileRecords,
  after: ReadRecords,
): RecordsChange | undefined {
  if (before.unit !== after.unit) return undefined;
  const [was, is] = [byPlace(before), byPlace(after)];
  const isMoved = before.names === undefined || after.names === undefined;
  const gone = isMoved ? without(was, after.marks) : lacking(was, is);
  const fresh = isMoved ? without(is, before.marks) : lacking(is, was);
  const changes = [...new Set([...fresh.keys(), ...gone.keys()])].map(
    (at): RecordChange => changeAt(at, gone.has(at), fresh.get(at), after.texts),
  );
  if (changes.length === 0) return undefined;
  const count = (how: RecordChange['how']) => changes.filter((each) => each.how === how).length;
  return {
    unit: after.unit,
    edited: count('edited'),
    added: count('added'),
    removed: count('removed'),
    first: changes.slice(0, MOST_NAMED),
  };
}

interface Placed {
  readonly index: number;
  readonly mark: string;
}

function byPlace({ names, marks, unit }: FileRecords): Map<string, Placed> {
  const first = unit === 'line' ? 1 : 0;
  return new Map(
    marks.map((mark, index) => [names?.[index] ?? `${index + first}`, { index, mark }]),
  );
}

/** Those without a counterpart of the same content anywhere in the other version. */
function without(own: Map<string, Placed>, others: readonly string[]): Map<string, Placed> {
  const left = new Map<string, number>();
  for (const mark of others) left.set(mark, (left.get(mark) ?? 0) + 1);
  return new Map(
    [...own].filter(([, { mark }]) => {
      const count = left.get(mark) ?? 0;
      left.set(mark, count - 1);
      return count <= 0;
    }),
  );
}

/** Those that the other version lacks, or has with another content. */
function lacking(own: Map<string, Placed>, other: Map<string, Placed>): Map<string, Placed> {
  return new Map([...own].filter(([name, { mark }]) => other.get(name)?.mark !== mark));
}

function changeAt(
  at: string,
  isGone: boolean,
  fresh: Placed | undefined,
  texts: readonly string[],
): RecordChange {
  if (fresh === undefined) return { how: 'removed', at };
  const text = texts[fresh.index];
  if (text === undefined) return { how: isGone ? 'edited' : 'added', at };
  const shown = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text;
  return { how: isGone ? 'edited' : 'added', at, text: shown };
}
