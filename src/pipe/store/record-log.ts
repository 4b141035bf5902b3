/**
 * A map on disk that is added to at its end: `<check> <name and value as JSON>`, one a line, the last
 * one of a name counts. Lines that are torn, edited or no lines at all drop out. Knows no value.
 *
 * A run that learnt one thing writes one line, and need not read the others.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { writeAtomic } from './atomic-file.ts';
import { isAbsence } from './checked-file.ts';
import { checksum } from './checksum.ts';
import { inFolder } from './in-folder.ts';

export interface RecordLog<Value> {
  read(): Map<string, Value>;
  /** Null takes a name out. */
  append(entries: Iterable<readonly [name: string, value: Value | null]>): void;
}

/** A log is written anew when it has more lines that do not count than this, and than those that do. */
const MOST_OVERWRITTEN = 1000;

export function openRecordLog<Value>(file: string): RecordLog<Value> {
  return {
    read() {
      const { values, lines } = readLines<Value>(file);
      if (lines > 2 * values.size + MOST_OVERWRITTEN) writeAtomic(file, textOf(values));
      return values;
    },
    append(entries) {
      // Should the last line before it be torn, the first one of these is not lost with it.
      const text = `\n${textOf(entries)}`;
      inFolder(file, () => appendFileSync(file, text));
    },
  };
}

function textOf(entries: Iterable<readonly [string, unknown]>): string {
  let text = '';
  for (const entry of entries) {
    const json = JSON.stringify(entry);
    text += `${checkOf(json)} ${json}\n`;
  }
  return text;
}

const CHECK_LENGTH = 8;

function checkOf(json: string): string {
  return checksum(Buffer.from(json)).toString(16).padStart(CHECK_LENGTH, '0');
}

function readLines<Value>(file: string): { values: Map<string, Value>; lines: number } {
  const values = new Map<string, Value>();
  let lines = 0;
  for (const line of textIn(file).split('\n')) {
    if (line === '') continue;
    lines += 1;
    const json = line.slice(CHECK_LENGTH + 1);
    if (line.slice(0, CHECK_LENGTH) !== checkOf(json)) continue;
    const [name, value] = JSON.parse(json) as [string, Value | null];
    if (value === null) values.delete(name);
    else values.set(name, value);
  }
  return { values, lines };
}

function textIn(file: string): string {
  try {
    return readFileSync(file).toString();
  } catch (error) {
    if (isAbsence(error)) return '';
    throw error;
  }
}
