/**
 * A row's result has the same bits whatever is computed beside it: fewer rows, more rows, on one
 * thread or on two. Otherwise a text's states would depend on the texts of its batch.
 */
import {
  findBackendFactory,
  registerBackend,
  removeBackend,
  slice,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';
import { attention } from '../../src/tensor/attention.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { simd } from '../../src/tensor/kernel/simd.ts';
import { product } from '../../src/tensor/matrix-product.ts';
import { seededRng } from '../../src/tensor/rng.ts';

const before = process.env.PIPE_THREADS;
afterEach(() => {
  if (before === undefined) delete process.env.PIPE_THREADS;
  else process.env.PIPE_THREADS = before;
  forgetBackend();
});

/** So that the next start makes a new one. */
function forgetBackend(): void {
  const factory = findBackendFactory('wasm');
  removeBackend('wasm');
  registerBackend('wasm', factory);
}

async function start(threads: number): Promise<void> {
  process.env.PIPE_THREADS = String(threads);
  await startBackend('wasm');
  expect(simd()!.threads).toBe(threads);
}

const drawn = new Map<string, Float32Array>();

/** Drawn once, because the cases ask for the same factors again and again. */
function randomFloats(count: number, purpose: string): Float32Array {
  const key = `${purpose} ${count}`;
  const rng = seededRng(1, purpose);
  const values = drawn.get(key) ?? Float32Array.from({ length: count }, () => rng.normal());
  drawn.set(key, values);
  return values;
}

interface Case {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly flipA: boolean;
  readonly flipB: boolean;
  readonly biased: boolean;
}

function everyWay(rows: number, columns: number, depth: number): Case[] {
  return [...Array(8).keys()].map((bits) => ({
    ...{ rows, columns, depth },
    ...{ flipA: (bits & 4) > 0, flipB: (bits & 2) > 0, biased: (bits & 1) > 0 },
  }));
}

/** The bits of rows `from` … `from + count` of a product, as a product of these rows only. */
function bitsOf(item: Case, from = 0, count = item.rows): Uint32Array {
  const { rows, columns, depth, flipA, flipB, biased } = item;
  const result = tidy(() => {
    const a = tensor2d(randomFloats(rows * depth, 'a'), flipA ? [depth, rows] : [rows, depth]);
    const b = tensor2d(
      randomFloats(depth * columns, 'b'),
      flipB ? [columns, depth] : [depth, columns],
    );
    const part = flipA ? slice(a, [0, from], [depth, count]) : slice(a, [from, 0], [count, depth]);
    const bias = biased ? tensor1d(randomFloats(columns, 'bias')) : undefined;
    return product(part, b, { flipA, flipB, bias }).dataSync();
  });
  return new Uint32Array(Float32Array.from(result).buffer);
}

describe.each([1, 2])('on %i thread(s)', (threads) => {
  it('multiplies a few rows as it does among 64', async () => {
    await start(threads);
    // More than one block of depth; columns that are no multiple of a strip or a tile.
    for (const item of everyWay(64, 130, 512)) {
      const all = bitsOf(item);
      for (const from of [0, 53]) {
        for (const count of [1, 2, 3, 4, 5, 6, 7, 8]) {
          const among = all.slice(from * item.columns, (from + count) * item.columns);
          expect(bitsOf(item, from, count), JSON.stringify({ ...item, from, count })).toEqual(
            among,
          );
        }
      }
    }
  });

  it('attends in a short text as at the start of a long one', async () => {
    await start(threads);
    const [heads, kvHeads, headDim, past] = [4, 2, 12, 300];
    const width = (heads + 2 * kvHeads) * headDim;
    const all = randomFloats(70 * width, 'qkv');
    const matrix = (rows: number, purpose: string): Tensor2D =>
      tensor2d(randomFloats(rows * kvHeads * headDim, purpose), [rows, kvHeads * headDim]);
    const attend = (length: number): Uint32Array => {
      const values = tidy(() => {
        const qkv = tensor2d(all.slice(0, length * width), [length, width]);
        const shape = { batch: 1, length, heads, kvHeads, headDim };
        const rotary = { dims: 0, base: 10000 };
        const prefix = { keys: matrix(past, 'keys'), values: matrix(past, 'values') };
        return attention(qkv, { ...shape, rotary, past: prefix }).dataSync();
      });
      return new Uint32Array(Float32Array.from(values).buffer);
    };
    const long = attend(70);
    // 65 to 67 leave one to three rows for the last block of queries.
    for (const length of [1, 2, 3, 4, 65, 66, 67]) {
      expect(attend(length), `${length} tokens`).toEqual(long.slice(0, length * heads * headDim));
    }
  });
});

it('multiplies on two threads as on one', async () => {
  // The second thread gets 3 rows, 1 row, 2 rows of one column, 1 row of one block, 2 columns.
  const cases = [
    ...everyWay(19, 18, 512),
    ...everyWay(17, 10, 300),
    ...everyWay(18, 1, 512),
    ...everyWay(9, 9, 40),
    ...everyWay(3, 18, 512),
  ];
  await start(1);
  const single = cases.map((item) => bitsOf(item));
  forgetBackend();
  await start(2);
  cases.forEach((item, i) => {
    expect(bitsOf(item), JSON.stringify(item)).toEqual(single[i]);
  });
});
