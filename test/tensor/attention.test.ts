/** Attention's gradient after a shared prefix, which no fixture covers, against finite differences. */
import { grad, mul, sum, type Tensor, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { attention, keysValues } from '../../src/tensor/attention.ts';
import type { AttentionCall } from '../../src/tensor/attention-plan.ts';
import { seededRng } from '../../src/tensor/rng.ts';
import { BACKENDS, useBackend } from '../numeric/backends.ts';

const sizes = { batch: 2, length: 5, heads: 4, kvHeads: 2, headDim: 6 };
const width = (sizes.heads + 2 * sizes.kvHeads) * sizes.headDim;
const rotary = { dims: 4, base: 100 };

function randomMatrix(rows: number, columns: number, purpose: string): Tensor2D {
  const rng = seededRng(3, purpose);
  return tensor2d(
    Float32Array.from({ length: rows * columns }, () => rng.normal()),
    [rows, columns],
  );
}

describe.each(BACKENDS)('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  const callOf = (): AttentionCall => {
    const prefix = randomMatrix(3, width, 'prefix');
    const past = keysValues(prefix, { ...sizes, batch: 1, length: 3, rotary });
    return { ...sizes, rotary, past };
  };

  it('equals the change of the loss along random directions', async () => {
    const call = callOf();
    const rows = sizes.batch * sizes.length;
    const qkv = randomMatrix(rows, width, 'qkv');
    const weights = randomMatrix(rows, sizes.heads * sizes.headDim, 'weights');
    const loss = (x: Tensor2D) => tidy(() => sum(mul(attention(x, call), weights)));
    const mixed = (x: Tensor) => attention(x as Tensor2D, call);
    const gradient = (await grad(mixed)(qkv, weights).data()) as Float32Array;
    const base = await qkv.data();
    for (const purpose of ['one', 'two', 'three']) {
      const direction = await randomMatrix(rows, width, purpose).data();
      const step = 1e-2;
      const moved = async (sign: number): Promise<number> => {
        const values = base.map((value, i) => value + sign * step * direction[i]!);
        return (await loss(tensor2d(values, [rows, width])).data())[0]!;
      };
      const measured = ((await moved(1)) - (await moved(-1))) / (2 * step);
      const expected = gradient.reduce((total, value, i) => total + value * direction[i]!, 0);
      expect(Math.abs(measured - expected)).toBeLessThan(5e-3 * Math.max(1, Math.abs(expected)));
    }
  });

  it('refuses rows of another width', () => {
    expect(() => attention(randomMatrix(10, width - 1, 'qkv'), { ...sizes, rotary })).toThrow(
      `attention: qkv is [10,${width - 1}], expected [10, ${width}]`,
    );
  });
});
