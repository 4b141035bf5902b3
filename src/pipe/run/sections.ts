/**
 * A file of named stretches of bytes: `preamble | section | section | …`, with a checksum over all of
 * it. Torn or damaged reads as absent. Knows nothing of what the sections mean; loaded on every start.
 */
import { checksum } from '../store/checksum.ts';

const PREAMBLE_BYTES = 64;
const MOST_SECTIONS = (PREAMBLE_BYTES - 12) / 4;

export interface Layout {
  /** First four bytes of the file; raised with the form. */
  readonly magic: number;
  readonly names: readonly string[];
}

export type Sections = ReadonlyMap<string, Buffer>;

export function encodeSections({ magic, names }: Layout, sections: Sections): Buffer {
  if (names.length > MOST_SECTIONS) throw new Error('assert: the preamble is too small');
  const parts = names.map((name) => sections.get(name) as Buffer);
  const length = parts.reduce((sum, part) => sum + part.length, PREAMBLE_BYTES);
  const whole = Buffer.allocUnsafe(length).fill(0, 0, PREAMBLE_BYTES);
  let at = PREAMBLE_BYTES;
  for (const [index, part] of parts.entries()) {
    part.copy(whole, at);
    whole.writeUInt32LE(part.length, 12 + index * 4);
    at += part.length;
  }
  whole.writeUInt32LE(magic, 0);
  whole.writeUInt32LE(length, 8);
  whole.writeUInt32LE(checksum(whole.subarray(8)), 4);
  return whole;
}

/** Undefined where it is not whole, or of another form. */
export function decodeSections({ magic, names }: Layout, whole: Buffer): Sections | undefined {
  if (whole.length < PREAMBLE_BYTES || whole.readUInt32LE(0) !== magic) return undefined;
  if (whole.readUInt32LE(8) !== whole.length) return undefined;
  if (whole.readUInt32LE(4) !== checksum(whole.subarray(8))) return undefined;
  const sections = new Map<string, Buffer>();
  let at = PREAMBLE_BYTES;
  for (const [index, name] of names.entries()) {
    const length = whole.readUInt32LE(12 + index * 4);
    sections.set(name, whole.subarray(at, at + length));
    at += length;
  }
  return sections;
}

/** A copy that begins where numbers may begin. */
export function doubles({ buffer, byteOffset, length }: Buffer): Float64Array {
  return new Float64Array(buffer.slice(byteOffset, byteOffset + length));
}

export function integers({ buffer, byteOffset, length }: Buffer): Int32Array {
  return new Int32Array(buffer.slice(byteOffset, byteOffset + length));
}

export function bytesOf({ buffer, byteOffset, byteLength }: Float64Array | Int32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}
