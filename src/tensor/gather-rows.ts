/**
 * Picking rows of a matrix, with its gradient (TFJS's own needs a kernel that wasm lacks). Knows
 * nothing of what the rows mean.
 */
import { gather, scatterND, type Tensor2D, tensor1d, tensor2d } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { allocateFloats, onHost, viewFloats } from './host.ts';

/** Rows `rows` of x (N, C), as (rows.length, C). A row may be picked more than once. */
export function gatherRows(x: Tensor2D, rows: Int32Array): Tensor2D {
  const [count, width] = x.shape;
  return differentiable<Tensor2D>([x], () => ({
    value: onHost() ? pick(x, rows) : (gather(x, tensor1d(rows, 'int32')) as Tensor2D),
    gradients: (dy) => [
      onHost()
        ? spread(dy, rows, count)
        : scatterND(tensor2d(rows, [rows.length, 1], 'int32'), dy, [count, width]),
    ],
  }));
}

function pick(x: Tensor2D, rows: Int32Array): Tensor2D {
  const width = x.shape[1];
  const result = allocateFloats<Tensor2D>([rows.length, width]);
  const [to, from] = [viewFloats(result), viewFloats(x)];
  rows.forEach((row, index) => {
    to.set(from.subarray(row * width, (row + 1) * width), index * width);
  });
  return result;
}

/** Adds each row of dy to the row of a zero (count, C) that it was picked from. */
function spread(dy: Tensor2D, rows: Int32Array, count: number): Tensor2D {
  const width = dy.shape[1];
  const result = allocateFloats<Tensor2D>([count, width]);
  const [to, from] = [viewFloats(result), viewFloats(dy)];
  to.fill(0);
  rows.forEach((row, index) => {
    const [target, source] = [row * width, index * width];
    for (let at = 0; at < width; at++) to[target + at]! += from[source + at]!;
  });
  return result;
}
