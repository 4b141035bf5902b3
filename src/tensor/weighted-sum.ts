/** `a + weight · b` of two losses, with its gradient. */
import { add, mul, type Scalar } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';

export function addWeighted(a: Scalar, b: Scalar, weight: number): Scalar {
  return differentiable<Scalar>([a, b], () => ({
    value: add(a, mul(b, weight)) as Scalar,
    gradients: (dy) => [dy.clone(), mul(dy, weight)],
  }));
}
