/**
 * Files of JSON lines, read and written as streams. Knows how a line can be broken, not what a
 * record means: `decode` says that, and throws `FieldError` where it is not satisfied.
 */
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { DataError } from './data-error.ts';
import { FieldError } from './field.ts';
import { type Line, readLines } from './line.ts';

/** What to do with a line that is not a good record. */
export type OnBadLine = 'fail' | 'skip';

/** What was seen beside good records; the reader adds to it while it reads. */
export interface LineTally {
  records: number;
  blankLines: number;
  /** Lines that `skip` passed over. */
  badLines: number;
  /** Place and reason of the first few bad lines, for the log. */
  readonly complaints: string[];
}

export function newTally(): LineTally {
  return { records: 0, blankLines: 0, badLines: 0, complaints: [] };
}

const KEPT_COMPLAINTS = 5;

export interface JsonLinesOptions {
  /** Default `fail`: the first bad line throws a `DataError` with file and line. */
  readonly onBadLine?: OnBadLine;
  readonly tally?: LineTally;
  readonly maxLineBytes?: number;
}

/** The records of `path`, one a line, in order. Blank lines are passed over and counted. */
export function* readJsonLines<T>(
  path: string,
  decode: (value: unknown) => T,
  options: JsonLinesOptions = {},
): Generator<T> {
  const tally = options.tally ?? newTally();
  for (const line of readLines(path, options.maxLineBytes)) {
    if (isBlank(line)) {
      tally.blankLines += 1;
      continue;
    }
    const record = decodeLine(line, decode);
    if (record instanceof BadLine) handleBadLine(record, path, options.onBadLine ?? 'fail', tally);
    else {
      tally.records += 1;
      yield record;
    }
  }
}

/** Why a line holds no record; a value and not an error, because skipping it is no failure. */
export class BadLine {
  readonly line: number;
  readonly reason: string;
  constructor(line: number, reason: string) {
    this.line = line;
    this.reason = reason;
  }
}

/** One line as a record, or the reason why it is none. */
export function decodeLine<T>(line: Line, decode: (value: unknown) => T): T | BadLine {
  if (line.tooLong) return new BadLine(line.number, 'the line is too long to be a JSON record');
  const text = decodeText(line.bytes);
  if (text === undefined) return new BadLine(line.number, notText(line));
  try {
    return decode(parseJson(text));
  } catch (error) {
    if (error instanceof FieldError) return new BadLine(line.number, error.message);
    throw error;
  }
}

/** Counts a bad line, or throws it as a `DataError`, as `onBadLine` says. */
export function handleBadLine(
  bad: BadLine,
  path: string,
  onBadLine: OnBadLine,
  tally: LineTally,
): void {
  if (onBadLine === 'fail') {
    const hint =
      'mend the line, or set the stage\'s param onBadLine to "skip" to count and pass it';
    throw new DataError(bad.reason, { file: path, line: bad.line, hint });
  }
  tally.badLines += 1;
  if (tally.complaints.length < KEPT_COMPLAINTS) {
    tally.complaints.push(`${path}:${bad.line}: skipped: ${bad.reason}`);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new FieldError(`not valid JSON: ${(error as Error).message}`);
  }
}

// A BOM inside the file is text, so only `readLines` may remove one.
const strictUtf8 = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Buffer): string | undefined {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    // The decoder says only "invalid"; `notText` finds out what the file may be instead.
    return undefined;
  }
}

function notText({ bytes, number }: Line): string {
  const [first, second] = bytes;
  if (number === 1 && first === 0x1f && second === 0x8b) return 'the file is gzip, not text';
  const utf16 = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (number === 1 && utf16) return 'the file is UTF-16; save it as UTF-8';
  return 'the line is not valid UTF-8';
}

const BLANKS: ReadonlySet<number> = /* @__PURE__ */ new Set([0x20, 0x09, 0x0d]);

function isBlank({ bytes, tooLong }: Line): boolean {
  return !tooLong && bytes.every((byte) => BLANKS.has(byte));
}

const WRITE_CHARACTERS = 1 << 16;

/** Writes one record a line, each ended by `\n`, keys in the order that the objects have. */
export function writeJsonLines(path: string, records: Iterable<object>): void {
  const file = openSync(path, 'w');
  try {
    let pending = '';
    for (const record of records) {
      pending += `${JSON.stringify(record)}\n`;
      if (pending.length < WRITE_CHARACTERS) continue;
      writeAll(file, pending);
      pending = '';
    }
    writeAll(file, pending);
  } finally {
    closeSync(file);
  }
}

/** One write call may take fewer bytes than it is given, as on a full pipe or disk. */
function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}

/** A whole file of one JSON value, indented for readers. */
export function writeJson(path: string, value: object): void {
  writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}
