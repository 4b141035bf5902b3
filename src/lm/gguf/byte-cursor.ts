/**
 * Walks through a file that nobody vouches for, a window at a time: whatever length it claims is
 * compared with the file's size before memory is taken. Little-endian. Knows no format.
 */
import { readSync } from 'node:fs';
import { ModelFileError } from '../model-file-error.ts';

const WINDOW_BYTES = 2 ** 20;

export class ByteCursor {
  readonly file: string;
  /** Of the file, in bytes. */
  readonly size: number;
  private readonly descriptor: number;
  private at: number;
  private window: Buffer = Buffer.alloc(0);
  private windowStart = 0;

  constructor(descriptor: number, file: string, size: number, offset = 0) {
    this.descriptor = descriptor;
    this.file = file;
    this.size = size;
    this.at = offset;
  }

  /** The next byte to be read, from the start of the file. */
  get offset(): number {
    return this.at;
  }

  /** The next bytes, valid until the next call; `what` names them if the file ends before. */
  take(bytes: number, what: string): Buffer {
    this.require(bytes, what);
    const end = this.at + bytes;
    if (this.at < this.windowStart || end > this.windowStart + this.window.length) {
      this.fill(bytes);
    }
    const start = this.at - this.windowStart;
    this.at = end;
    return this.window.subarray(start, start + bytes);
  }

  skip(bytes: number, what: string): void {
    this.require(bytes, what);
    this.at += bytes;
  }

  u32(what: string): number {
    return this.take(4, what).readUInt32LE();
  }

  u64(what: string): number {
    const start = this.at;
    const value = this.take(8, what).readBigUInt64LE();
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.wrong(start, `states ${what} as ${value}, past all bounds`);
  }

  /** A number of things of at least `leastBytes` each, which must fit into what is left of the file. */
  count(what: string, leastBytes: number): number {
    const start = this.at;
    const value = this.u64(what);
    if (value * leastBytes <= this.size - this.at) return value;
    throw this.truncated(
      `at byte ${start}, ${what} is ${value}, and ${this.size - this.at} bytes are left`,
    );
  }

  text(what: string): string {
    const bytes = this.count(`the length of ${what}`, 1);
    return this.take(bytes, what).toString('utf8');
  }

  skipText(what: string): void {
    this.skip(this.count(`the length of ${what}`, 1), what);
  }

  wrong(offset: number, message: string): ModelFileError {
    return new ModelFileError(`${message} (byte ${offset})`, this.file, 'the file is damaged');
  }

  truncated(detail: string): ModelFileError {
    return new ModelFileError(`is truncated: ${detail}`, this.file, 'download it again');
  }

  private require(bytes: number, what: string): void {
    if (this.at + bytes <= this.size) return;
    throw this.truncated(
      `${what} would end at byte ${this.at + bytes} of ${this.size} (from byte ${this.at})`,
    );
  }

  private fill(bytes: number): void {
    const wanted = Math.min(Math.max(bytes, WINDOW_BYTES), this.size - this.at);
    const window = Buffer.alloc(wanted);
    let done = 0;
    while (done < wanted) {
      const count = readSync(this.descriptor, window, done, wanted - done, this.at + done);
      if (count === 0) throw this.truncated(`it ends at byte ${this.at + done}`);
      done += count;
    }
    this.window = window;
    this.windowStart = this.at;
  }
}
