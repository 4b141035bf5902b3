/**
 * Plain 2-D products. TFJS's wasm kernel runs a scalar loop as soon as an operand is flagged as
 * transposed, so operands are transposed by hand first. Records no gradients.
 */
import { matMul, sum, type Tensor, type Tensor2D, tidy, transpose } from '@tensorflow/tfjs-core';
import { allocateFloats, onHost, viewFloats } from './host.ts';

/** The transpose of `x` (R, C) as a new (C, R) tensor. */
export function transposed(x: Tensor2D): Tensor2D {
  if (!onHost()) return transpose(x);
  const [rows, columns] = x.shape;
  const result = allocateFloats<Tensor2D>([columns, rows]);
  transposeFloats(viewFloats(x), viewFloats(result), rows, columns);
  return result;
}

/** Writes the transpose of `from` (rows × columns) to `to`, tile by tile so that both stay in cache. */
export function transposeFloats(
  from: Float32Array,
  to: Float32Array,
  rows: number,
  columns: number,
): void {
  const tile = 16;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(left + tile, columns);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          to[column * rows + row] = from[row * columns + column]!;
        }
      }
    }
  }
}

/** `aᵀ · b` for a (N, I) and b (N, O): the gradient of a weight matrix. */
export function productOverRows(a: Tensor2D, b: Tensor2D): Tensor2D {
  return tidy(() => matMul(transposed(a), b) as Tensor2D);
}

/** Sums over the rows of x (N, C). */
export function sumRows(x: Tensor2D): Tensor {
  if (!onHost()) return sum(x, 0);
  const [rows, columns] = x.shape;
  const result = allocateFloats([columns]);
  const [from, to] = [viewFloats(x), viewFloats(result)];
  to.fill(0);
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let column = 0; column < columns; column++) to[column]! += from[start + column]!;
  }
  return result;
}
