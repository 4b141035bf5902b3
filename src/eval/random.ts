/**
 * A small seeded generator for resampling (xoshiro128**, Blackman and Vigna 2018), so that an
 * interval is the same on every machine. Not for cryptography; knows nothing of what it samples.
 */

/** Draws uniform integers from 0 (inclusive) to `bound` (exclusive, at most 2^32). */
export type RandomInteger = (bound: number) => number;

/** A generator whose whole sequence follows from `seed` (any finite number) and `stream`. */
export function seededInteger(seed: number, stream = ''): RandomInteger {
  const state = seedState(`${seed}/${stream}`);
  return (bound) => {
    const limit = 2 ** 32 - (2 ** 32 % bound); // reject the tail: no modulo bias
    let value = next(state);
    while (value >= limit) value = next(state);
    return value % bound;
  };
}

/** Fills the state with FNV-1a hashes of the text, finished by murmur3's mixer; never all zero. */
function seedState(text: string): Uint32Array {
  const state = new Uint32Array(4);
  for (let word = 0; word < 4; word++) {
    let hash = 0x811c9dc5 ^ word;
    for (let at = 0; at < text.length; at++) {
      hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    state[word] = hash ^ (hash >>> 16);
  }
  if (state.every((word) => word === 0)) state[0] = 1;
  return state;
}

function next(s: Uint32Array): number {
  const result = Math.imul(rotate(Math.imul(s[1]!, 5), 7), 9) >>> 0;
  const shifted = s[1]! << 9;
  s[2]! ^= s[0]!;
  s[3]! ^= s[1]!;
  s[1]! ^= s[2]!;
  s[0]! ^= s[3]!;
  s[2]! ^= shifted;
  s[3] = rotate(s[3]!, 11);
  return result;
}

function rotate(value: number, bits: number): number {
  return ((value << bits) | (value >>> (32 - bits))) >>> 0;
}
