/**
 * Seeded random numbers that are the same on every machine. Knows no tensor: callers fill arrays.
 *
 * A generator is named by a seed and a purpose ("epoch 3", "memory of block 4"), so that a resumed
 * run draws what an undisturbed one draws without any generator's state being saved.
 */
import { createHash } from 'node:crypto';

export interface Rng {
  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number;
  /** Uniform integer in [0, limit). */
  below(limit: number): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
}

/** xoshiro128** (Blackman & Vigna, 2018), its state filled from SHA-256 of the seed and the purpose. */
export function seededRng(seed: number, purpose: string): Rng {
  const next = xoshiro(seed, purpose);
  const uniform = (): number => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  return {
    uniform,
    below: (limit) => Math.floor(uniform() * limit),
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
  };
}

/** A new array in random order (Fisher–Yates); `items` stays as it is. */
export function shuffled<T>(items: readonly T[], rng: Rng): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = rng.below(last + 1);
    const moved = order[last] as T;
    order[last] = order[other] as T;
    order[other] = moved;
  }
  return order;
}

function xoshiro(seed: number, purpose: string): () => number {
  const bytes = createHash('sha256').update(`${seed}\n${purpose}`).digest();
  let [a, b, c, d] = [0, 4, 8, 12].map((at) => bytes.readInt32LE(at)) as [
    number,
    number,
    number,
    number,
  ];
  return () => {
    const result = Math.imul(rotateLeft(Math.imul(b, 5), 7), 9) >>> 0;
    const carried = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= carried;
    d = rotateLeft(d, 11);
    return result;
  };
}

function rotateLeft(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
