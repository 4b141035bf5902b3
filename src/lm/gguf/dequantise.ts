/**
 * The number formats of GGUF's tensors and how to read each as float32. Quantised formats pack blocks
 * of 32 or 256 numbers with their scales, as `ggml-quants.c` of the ggml project defines them. Pure;
 * little-endian. Knows no file.
 */
import { decodeBF16, decodeF16, decodeHalf } from '../weights/float-formats.ts';

export interface BlockFormat {
  readonly name: string;
  readonly blockElements: number;
  /** 0 where the format is unknown, and its size with it. */
  readonly blockBytes: number;
  /** Reads whole blocks; undefined where this code can't. */
  readonly decode?: (bytes: Uint8Array) => Float32Array;
}

/** Reads the block at `from` of `source` into `target[to…]`. */
type BlockReader = (source: BlockSource, from: number, target: Float32Array, to: number) => void;

interface BlockSource {
  readonly bytes: Uint8Array;
  /** float32 of the half that begins at this byte. */
  readonly half: (offset: number) => number;
}

const GROUP = 32;
const SUPER = 256;

/** By the format's number in the file. */
const FORMATS: Readonly<Record<number, BlockFormat>> = {
  0: {
    name: 'F32',
    blockElements: 1,
    blockBytes: 4,
    decode: (bytes) => new Float32Array(aligned(bytes, 4)),
  },
  1: {
    name: 'F16',
    blockElements: 1,
    blockBytes: 2,
    decode: (bytes) => decodeF16(new Uint16Array(aligned(bytes, 2))),
  },
  2: blocks('Q4_0', GROUP, 18, readQ4_0),
  3: blocks('Q4_1', GROUP, 20, readQ4_1),
  6: blocks('Q5_0', GROUP, 22, readQ5_0),
  7: blocks('Q5_1', GROUP, 24, readQ5_1),
  8: blocks('Q8_0', GROUP, 34, readQ8_0),
  12: blocks('Q4_K', SUPER, 144, readQ4K),
  13: blocks('Q5_K', SUPER, 176, readQ5K),
  14: blocks('Q6_K', SUPER, 210, readQ6K),
  30: {
    name: 'BF16',
    blockElements: 1,
    blockBytes: 2,
    decode: (bytes) => decodeBF16(new Uint16Array(aligned(bytes, 2))),
  },
};

/** Names of formats that are recognised and refused. */
const UNREAD: Readonly<Record<number, string>> = {
  9: 'Q8_1',
  10: 'Q2_K',
  11: 'Q3_K',
  15: 'Q8_K',
  16: 'IQ2_XXS',
  17: 'IQ2_XS',
  18: 'IQ3_XXS',
  19: 'IQ1_S',
  20: 'IQ4_NL',
  21: 'IQ3_S',
  22: 'IQ2_S',
  23: 'IQ4_XS',
  24: 'I8',
  25: 'I16',
  26: 'I32',
  27: 'I64',
  28: 'F64',
  29: 'IQ1_M',
  34: 'TQ1_0',
  35: 'TQ2_0',
  39: 'MXFP4',
};

export const READABLE_FORMATS = Object.values(FORMATS).map(({ name }) => name);

export function blockFormat(number: number): BlockFormat {
  const name = UNREAD[number] ?? `of format number ${number}`;
  return FORMATS[number] ?? { name, blockElements: 1, blockBytes: 0 };
}

function blocks(
  name: string,
  blockElements: number,
  blockBytes: number,
  read: BlockReader,
): BlockFormat {
  const decode = (bytes: Uint8Array): Float32Array => {
    const half = (offset: number) => decodeHalf(bytes[offset]! | (bytes[offset + 1]! << 8));
    const count = bytes.length / blockBytes;
    const result = new Float32Array(count * blockElements);
    for (let block = 0; block < count; block++) {
      read({ bytes, half }, block * blockBytes, result, block * blockElements);
    }
    return result;
  };
  return { name, blockElements, blockBytes, decode };
}

/** A copy where a view of that width could not begin. */
function aligned(bytes: Uint8Array, width: number): ArrayBuffer {
  const whole = bytes.byteOffset % width === 0 && bytes.byteOffset === 0;
  if (whole && bytes.byteLength === bytes.buffer.byteLength) return bytes.buffer as ArrayBuffer;
  return Uint8Array.from(bytes).buffer;
}

function readQ4_0({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[from + 2 + i]!;
    target[to + i] = scale * ((pair & 15) - 8);
    target[to + 16 + i] = scale * ((pair >> 4) - 8);
  }
}

function readQ4_1({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from);
  const least = half(from + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[from + 4 + i]!;
    target[to + i] = scale * (pair & 15) + least;
    target[to + 16 + i] = scale * (pair >> 4) + least;
  }
}

function readQ5_0({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[from + 6 + i]!;
    target[to + i] = scale * (((pair & 15) | (bitAt(bytes, from + 2, i) << 4)) - 16);
    target[to + 16 + i] = scale * (((pair >> 4) | (bitAt(bytes, from + 2, i + 16) << 4)) - 16);
  }
}

function readQ5_1({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from);
  const least = half(from + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes[from + 8 + i]!;
    target[to + i] = scale * ((pair & 15) | (bitAt(bytes, from + 4, i) << 4)) + least;
    target[to + 16 + i] = scale * ((pair >> 4) | (bitAt(bytes, from + 4, i + 16) << 4)) + least;
  }
}

function bitAt(bytes: Uint8Array, from: number, bit: number): number {
  return (bytes[from + (bit >> 3)]! >> (bit & 7)) & 1;
}

function readQ8_0({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from);
  for (let i = 0; i < 32; i++) target[to + i] = scale * signed(bytes[from + 2 + i]!);
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}

/** Eight 6-bit scales and eight 6-bit minima, packed into twelve bytes. */
function packedScale(bytes: Uint8Array, from: number, group: number): [scale: number, min: number] {
  if (group < 4) return [bytes[from + group]! & 63, bytes[from + 4 + group]! & 63];
  const low = bytes[from + 4 + group]!;
  const scale = (low & 15) | ((bytes[from + group - 4]! >> 6) << 4);
  return [scale, (low >> 4) | ((bytes[from + group]! >> 6) << 4)];
}

function readQ4K({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from);
  const least = half(from + 2);
  for (let group = 0; group < 8; group++) {
    const [groupScale, groupMin] = packedScale(bytes, from + 4, group);
    const step = scale * groupScale;
    const min = Math.fround(least * groupMin);
    const packed = from + 16 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const q = (bytes[packed + i]! >> shift) & 15;
      target[to + group * 32 + i] = Math.fround(step * q) - min;
    }
  }
}

function readQ5K({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from);
  const least = half(from + 2);
  for (let group = 0; group < 8; group++) {
    const [groupScale, groupMin] = packedScale(bytes, from + 4, group);
    const step = scale * groupScale;
    const min = Math.fround(least * groupMin);
    const packed = from + 48 + (group >> 1) * 32;
    const shift = (group & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const high = (bytes[from + 16 + i]! >> group) & 1;
      const q = ((bytes[packed + i]! >> shift) & 15) | (high << 4);
      target[to + group * 32 + i] = Math.fround(step * q) - min;
    }
  }
}

function readQ6K({ bytes, half }: BlockSource, from: number, target: Float32Array, to: number) {
  const scale = half(from + 208);
  for (let i = 0; i < SUPER; i++) {
    const part = i >> 7; // each 128 numbers have 64 bytes of low and 32 of high bits
    const quarter = (i >> 5) & 3;
    const lane = i & 31;
    const low = bytes[from + part * 64 + (quarter & 1) * 32 + lane]! >> ((quarter >> 1) * 4);
    const high = bytes[from + 128 + part * 32 + lane]! >> (quarter * 2);
    const q = ((low & 15) | ((high & 3) << 4)) - 32;
    target[to + i] = scale * signed(bytes[from + 192 + (i >> 4)]!) * q;
  }
}
