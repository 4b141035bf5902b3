/** Conversions between float32 and the 16-bit formats that checkpoints use. Pure; little-endian. */

/** IEEE 754 half precision to float32. */
export function decodeF16(bits: Uint16Array): Float32Array {
  const table = halfTable();
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = table[bits[i]!]!;
  return result;
}

/** One IEEE 754 half, given as its bits. */
export function decodeHalf(bits: number): number {
  return halfTable()[bits]!;
}

/** bfloat16 (the upper half of a float32) to float32. */
export function decodeBF16(bits: Uint16Array): Float32Array {
  const words = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return new Float32Array(words.buffer);
}

/** float32 to half precision, rounded to nearest, ties to even; too large becomes infinity. */
export function encodeF16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) result[i] = halfOf(words[i]!);
  return result;
}

function halfOf(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | roundShift(magnitude - 0x38000000, 13);
  const exponent = magnitude >>> 23;
  if (exponent < 102) return sign;
  return sign | roundShift((magnitude & 0x7fffff) | 0x800000, 126 - exponent);
}

/** Drops `bits` low bits, rounding to nearest, ties to even. */
function roundShift(value: number, bits: number): number {
  const kept = value >>> bits;
  const rest = value & ((1 << bits) - 1);
  const half = 1 << (bits - 1);
  return kept + (rest > half || (rest === half && (kept & 1) === 1) ? 1 : 0);
}

let cachedTable: Float32Array | undefined;

/** All 65,536 halves as float32: look-ups beat arithmetic by far. */
function halfTable(): Float32Array {
  if (cachedTable) return cachedTable;
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) table[bits] = computeHalf(bits);
  cachedTable = table;
  return table;
}

function computeHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
