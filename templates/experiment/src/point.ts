/** Points of the plane with a class, one a line, and what the models see of them. */
import { readFileSync } from 'node:fs';

export interface Point {
  readonly x: number;
  readonly y: number;
  readonly inside: boolean;
}

export function readPoints(path: string): Point[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Point);
}

export function features(model: string, { x, y }: Point): number[] {
  return model === 'quadratic' ? [1, x, y, x * x, y * y, x * y] : [1, x, y];
}

export function probability(weights: readonly number[], values: readonly number[]): number {
  const sum = values.reduce((total, value, index) => total + value * (weights[index] ?? 0), 0);
  return 1 / (1 + Math.exp(-sum));
}

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
