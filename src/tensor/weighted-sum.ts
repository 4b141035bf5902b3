/** A weighted sum of two losses, with its gradient. */
import { add, mul, type Scalar } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';

export function weightedSum(a: Scalar, b: Scalar, weights: readonly [number, number]): Scalar {
  return differentiable<Scalar>([a, b], () => ({
    value: add(mul(a, weights[0]), mul(b, weights[1])) as Scalar,
    gradients: (dy) => [mul(dy, weights[0]), mul(dy, weights[1])],
  }));
}
