/**
 * A low-rank update of one linear map: `y + up(down(x))`, `down: in → rank`, `up: rank → out`, without
 * biases. `up` starts at zero, so that an untrained one is an identity. Knows no block and no file.
 */
import { type Tensor2D, tensor2d, tidy, type Variable, variable } from '@tensorflow/tfjs-core';
import { addResidual } from '../../tensor/add.ts';
import { applyLinear } from '../../tensor/linear.ts';
import { transposeFloats } from '../../tensor/matrix-product.ts';
import { seededRng } from '../../tensor/rng.ts';

export interface LowRank {
  /** (in, rank): the transpose of the file's. */
  readonly down: Variable;
  /** (rank, out). */
  readonly up: Variable;
}

/** PyTorch's way, (out, in): `down` is (rank, in), `up` (out, rank). */
export interface LowRankValues {
  readonly down: Float32Array;
  readonly up: Float32Array;
}

/** `down` as `nn.Linear` draws it, uniform within ±1/√in; `up` is zero. */
export function initialLowRank(
  [from, to]: readonly [number, number],
  rank: number,
  { seed, purpose }: { readonly seed: number; readonly purpose: string },
): LowRankValues {
  const rng = seededRng(seed, purpose);
  const bound = 1 / Math.sqrt(from);
  const down = new Float32Array(rank * from).map(() => (2 * rng.uniform() - 1) * bound);
  return { down, up: new Float32Array(to * rank) };
}

export function createLowRank(values: LowRankValues, rank: number): LowRank {
  return {
    down: flippedVariable(values.down, rank),
    up: flippedVariable(values.up, values.up.length / rank),
  };
}

/** The present values of a variable (in, out), PyTorch's way. */
export async function flippedValues(
  item: Variable,
): Promise<{ shape: number[]; data: Float32Array }> {
  const [rows, columns] = item.shape as [number, number];
  const data = new Float32Array(item.size);
  transposeFloats((await item.data()) as Float32Array, data, rows, columns);
  return { shape: [columns, rows], data };
}

/** x (N, in) and the frozen map's y (N, out) to (N, out), with gradients of all four. */
export function addLowRank({ down, up }: LowRank, x: Tensor2D, y: Tensor2D): Tensor2D {
  return tidy(() => {
    const narrow = applyLinear({ weight: weightOf(down), trainable: true }, x); // (N, rank)
    const update = applyLinear({ weight: weightOf(up), trainable: true }, narrow); // (N, out)
    return addResidual(y, update);
  });
}

function weightOf(item: Variable): Tensor2D {
  return item as unknown as Tensor2D;
}

/** A variable of the transpose of `data` (rows, columns). */
function flippedVariable(data: Float32Array, rows: number): Variable {
  const columns = data.length / rows;
  const flipped = new Float32Array(data.length);
  transposeFloats(data, flipped, rows, columns);
  return tidy(() => variable(tensor2d(flipped, [columns, rows], 'float32'), true));
}
