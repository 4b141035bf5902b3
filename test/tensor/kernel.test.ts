/**
 * Our wasm kernels against plain arithmetic, at shapes that touch every edge of their tiles and
 * blocks, on one thread and on two.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  findBackendFactory,
  mul,
  registerBackend,
  removeBackend,
  slice,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
  valueAndGrad,
} from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { attention } from '../../src/tensor/attention.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { crossEntropyLoss, rowLosses } from '../../src/tensor/cross-entropy.ts';
import { gelu } from '../../src/tensor/gelu.ts';
import { simd, splitRange } from '../../src/tensor/kernel/simd.ts';
import { product, sumRows } from '../../src/tensor/matrix-product.ts';
import { seededRng } from '../../src/tensor/rng.ts';

it('was built from the source that is there', () => {
  const folder = join(import.meta.dirname, '..', '..', 'src', 'tensor', 'kernel');
  const digest = createHash('sha256')
    .update(readFileSync(join(folder, 'kernel.as')))
    .digest('hex');
  expect(readFileSync(join(folder, 'kernel-bytes.ts'), 'utf8')).toContain(digest);
});

it('cuts a range into runs that cover it, on multiples of the unit', () => {
  expect(splitRange(10, 3)).toEqual([
    [0, 4],
    [4, 8],
    [8, 10],
  ]);
  expect(splitRange(20, 2, 8)).toEqual([
    [0, 16],
    [16, 20],
  ]);
  expect(splitRange(5, 4, 8)).toEqual([[0, 5]]);
  expect(splitRange(0, 4)).toEqual([]);
});

function randomFloats(count: number, purpose: string): Float32Array {
  const rng = seededRng(1, purpose);
  return Float32Array.from({ length: count }, () => rng.normal());
}

function randomMatrix(rows: number, columns: number, purpose: string): Tensor2D {
  return tensor2d(randomFloats(rows * columns, purpose), [rows, columns]);
}

/** In double precision, by definition. */
function plainProduct(a: number[][], b: number[][]): number[][] {
  return a.map((row) =>
    b[0]!.map((_, j) => row.reduce((sum, value, k) => sum + value * b[k]![j]!, 0)),
  );
}

const flip = (x: number[][]): number[][] => x[0]!.map((_, j) => x.map((row) => row[j]!));

describe.each([1, 2])('%i thread(s)', (threads) => {
  const before = process.env.PIPE_THREADS;
  beforeAll(async () => {
    process.env.PIPE_THREADS = String(threads);
    const { reason } = await startBackend('wasm');
    expect(reason).toBe(`WebAssembly SIMD, ${threads} thread${threads > 1 ? 's' : ''}`);
    expect(simd()!.threads).toBe(threads);
  });
  afterAll(() => {
    if (before === undefined) delete process.env.PIPE_THREADS;
    else process.env.PIPE_THREADS = before;
    // So that the next start makes a new one.
    const factory = findBackendFactory('wasm');
    removeBackend('wasm');
    registerBackend('wasm', factory);
  });

  it.each([
    [1, 1, 1],
    [4, 8, 4],
    [5, 9, 3],
    [7, 13, 19],
    [130, 17, 259],
    [3, 521, 6],
    [33, 40, 1],
  ])('multiplies %i × %i over %i, either factor transposed, with a bias', async (m, n, k) => {
    for (const [flipA, flipB] of [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ]) {
      const a = flipA ? randomMatrix(k, m, 'a') : randomMatrix(m, k, 'a');
      const b = flipB ? randomMatrix(n, k, 'b') : randomMatrix(k, n, 'b');
      const bias = tensor1d(randomFloats(n, 'bias'));
      const [left, right] = [await a.array(), await b.array()];
      const expected = plainProduct(flipA ? flip(left) : left, flipB ? flip(right) : right);
      const added = await bias.data();
      const options = { flipA: flipA!, flipB: flipB! };
      const plain = await product(a, b, options).array();
      const shifted = await product(a, b, { ...options, bias }).array();
      for (let i = 0; i < m; i++) {
        for (let j = 0; j < n; j++) {
          const tolerance = 1e-6 * Math.sqrt(k) * 10;
          expect(Math.abs(plain[i]![j]! - expected[i]![j]!)).toBeLessThan(tolerance);
          const sum = expected[i]![j]! + added[j]!;
          expect(Math.abs(shifted[i]![j]! - sum)).toBeLessThan(tolerance);
        }
      }
    }
  });

  it('refuses factors that do not fit', () => {
    const [a, b] = [randomMatrix(2, 3, 'a'), randomMatrix(2, 3, 'b')];
    expect(() => product(a, b)).toThrow('no product of [2,3] and [2,3]');
  });

  it('sums rows', async () => {
    const x = randomMatrix(5, 7, 'x');
    const rows = await x.array();
    const sums = await sumRows(x).data();
    for (let j = 0; j < 7; j++) {
      const expected = rows.reduce((sum, row) => sum + row[j]!, 0);
      expect(sums[j]).toBeCloseTo(expected, 5);
    }
  });

  it('computes GELU over the whole range of floats', async () => {
    // Φ at these points to 12 digits (Abramowitz & Stegun, table 26.1, and symmetry).
    const known = [
      [0, 0.5],
      [0.5, 0.691462461274],
      [1, 0.841344746069],
      [2, 0.977249868052],
      [3, 0.998650101968],
      [4, 0.999968328758],
    ];
    const xs = known.flatMap(([x]) => [x!, -x!]).concat([50, -50, 1e30, -1e30]);
    const values = await gelu(tensor2d([xs])).data();
    known.forEach(([x, below], i) => {
      expect(values[2 * i]).toBeCloseTo(x! * below!, 6);
      expect(values[2 * i + 1]).toBeCloseTo(-x! * (1 - below!), 6);
    });
    const [large, small, larger, smaller] = values.slice(-4);
    expect([large, larger]).toEqual([50, Math.fround(1e30)]);
    expect(Math.max(Math.abs(small!), Math.abs(smaller!))).toBeLessThan(1e-37);
  });

  it('attends with grouped queries, a prefix and an odd length as the definition says', async () => {
    const [batch, length, heads, kvHeads, headDim, past] = [2, 70, 4, 2, 5, 3];
    const width = (heads + 2 * kvHeads) * headDim;
    const qkv = randomMatrix(batch * length, width, 'qkv');
    const keys = randomMatrix(past, kvHeads * headDim, 'keys');
    const values = randomMatrix(past, kvHeads * headDim, 'values');
    const rotary = { dims: 0, base: 10000 };
    const call = { batch, length, heads, kvHeads, headDim, rotary, past: { keys, values } };
    const actual = await tidy(() => attention(qkv, call)).array();
    const [rows, ks, vs] = [await qkv.array(), await keys.array(), await values.array()];
    for (const [text, t, head] of [
      [0, 0, 0],
      [1, 0, 3],
      [0, 69, 1],
      [1, 63, 2],
      [1, 64, 3],
    ] as const) {
      const group = Math.floor((head * kvHeads) / heads);
      const part = (row: number[], from: number) => row.slice(from * headDim, (from + 1) * headDim);
      const seen = rows.slice(text * length, text * length + t + 1);
      const query = part(seen[t]!, head);
      const allKeys = [
        ...ks.map((row) => part(row, group)),
        ...seen.map((row) => part(row, heads + group)),
      ];
      const allValues = [
        ...vs.map((row) => part(row, group)),
        ...seen.map((row) => part(row, heads + kvHeads + group)),
      ];
      const powers = allKeys.map((key) =>
        Math.exp(key.reduce((sum, value, i) => sum + value * query[i]!, 0) / Math.sqrt(headDim)),
      );
      const total = powers.reduce((sum, power) => sum + power, 0);
      for (let i = 0; i < headDim; i++) {
        const mixed = allValues.reduce(
          (sum, value, s) => sum + (powers[s]! / total) * value[i]!,
          0,
        );
        expect(actual[text * length + t]![head * headDim + i]).toBeCloseTo(mixed, 5);
      }
    }
  });

  // Rows beyond a panel and a group, words and widths off the tiles, many chunks, all of them big.
  it.each([
    [1, 5, 3],
    [9, 12, 1030],
    [33, 24, 517],
    [261, 20, 70],
    [3, 700, 131],
  ])('takes %i rows of %i through a head of %i words as the definition says', async (n, c, v) => {
    const x: Tensor2D = mul(randomMatrix(n, c, 'x'), 3);
    const table = randomMatrix(v, c, 'table');
    const targets = Int32Array.from({ length: n }, (_, i) => (i * 7919) % v);
    const head = { parts: [table], trainable: false };
    const { value, grad } = valueAndGrad((h: Tensor2D) => crossEntropyLoss(h, head, targets))(x);
    const slopes = (await grad.array()) as number[][];
    const losses = await rowLosses(x, head, targets).data();
    const [rows, words] = [await x.array(), await table.array()];
    let mean = 0;
    rows.forEach((row, i) => {
      const logits = words.map((word) => word.reduce((sum, w, k) => sum + w * row[k]!, 0));
      const largest = Math.max(...logits);
      const powers = logits.map((logit) => Math.exp(logit - largest));
      const total = powers.reduce((sum, power) => sum + power, 0);
      const loss = largest + Math.log(total) - logits[targets[i]!]!;
      mean += loss / n;
      expect(Math.abs(losses[i]! - loss)).toBeLessThan(1e-4 * Math.max(1, loss));
      for (let k = 0; k < c; k++) {
        const mixed = powers.reduce((sum, power, j) => sum + (power / total) * words[j]![k]!, 0);
        const slope = (mixed - words[targets[i]!]![k]!) / n;
        expect(Math.abs(slopes[i]![k]! - slope)).toBeLessThan(2e-5 / n);
      }
    });
    expect(Math.abs((await value.data())[0]! / mean - 1)).toBeLessThan(1e-5);
  });

  it('gives a row the same loss and gradient alone as among others, to the bit', async () => {
    const [n, c, v] = [44, 16, 300];
    const x = randomMatrix(n, c, 'x');
    const head = { parts: [randomMatrix(v, c, 'table')], trainable: false };
    const targets = Int32Array.from({ length: n }, (_, i) => (i * 31) % v);
    const losses = await rowLosses(x, head, targets).data();
    for (const row of [0, 7, 8, 43]) {
      const alone = slice(x, [row, 0], [1, c]);
      const [loss] = await rowLosses(alone, head, targets.subarray(row, row + 1)).data();
      expect(loss).toBe(losses[row]);
    }
  });

  it('says that a loss is no number where a logit is none', async () => {
    const head = { parts: [randomMatrix(9, 4, 'table')], trainable: false };
    const x = tensor2d([
      [1, 2, Number.NaN, 4],
      [1, 2, 3, 4],
    ]);
    const [bad, good] = await rowLosses(x, head, Int32Array.of(1, 2)).data();
    expect(bad).toBeNaN();
    expect(good).toBeGreaterThan(0);
  });
});
