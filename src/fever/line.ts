/**
 * Lines of a file as bytes, in memory that is bounded by the longest allowed line and not by the
 * file. Knows nothing of what a line holds; only line ends, the byte-order mark and the limit.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** The longest page of the FEVER dump is far below this; a longer line is not JSON lines. */
const MAX_LINE_BYTES = 64 << 20;

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its line end and without a byte-order mark. Valid only until the next line is asked for. */
  readonly bytes: Buffer;
  /** True when the line exceeds the limit; `bytes` is empty then. */
  readonly tooLong: boolean;
}

/**
 * Reads synchronously, since one `await` for each of five million lines costs more than the disk.
 * Both `\n` and `\r\n` end a line; the last one may lack its end.
 */
export function* readLines(path: string, maxLineBytes = MAX_LINE_BYTES): Generator<Line> {
  const file = openSync(path, 'r');
  try {
    yield* splitLines(chunksOf(file), maxLineBytes);
  } finally {
    closeSync(file);
  }
}

function* chunksOf(file: number): Generator<Buffer> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  for (;;) {
    const size = readSync(file, chunk, 0, CHUNK_BYTES, null);
    if (size === 0) return;
    yield chunk.subarray(0, size);
  }
}

/** Exported for tests: the chunks may be cut anywhere, and may be reused once the next is asked for. */
export function* splitLines(chunks: Iterable<Buffer>, maxLineBytes: number): Generator<Line> {
  const pending = new PendingLine(maxLineBytes);
  let number = 0;
  for (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      number += 1;
      yield pending.finish(number, chunk.subarray(start, end));
      start = end + 1;
    }
    pending.append(chunk.subarray(start));
  }
  if (!pending.isEmpty) yield pending.finish(number + 1, Buffer.alloc(0));
}

/** The part of a line that earlier chunks held. */
class PendingLine {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #size = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  append(part: Buffer): void {
    if (part.length === 0) return;
    this.#size += part.length;
    // Past the limit only the size is kept, so that a file of one endless line costs no memory.
    if (this.#size > this.#limit) this.#parts = [];
    else this.#parts.push(Buffer.from(part));
  }

  finish(number: number, rest: Buffer): Line {
    const size = this.#size + rest.length;
    const tooLong = size > this.#limit;
    const whole = this.#size === 0 ? rest : Buffer.concat([...this.#parts, rest]);
    this.#parts = [];
    this.#size = 0;
    return { number, bytes: tooLong ? Buffer.alloc(0) : trimLine(whole, number), tooLong };
  }
}

function trimLine(bytes: Buffer, number: number): Buffer {
  const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
  const marked = number === 1 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return bytes.subarray(marked ? 3 : 0, end);
}
