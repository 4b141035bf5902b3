/** Residual addition with its gradient. Shapes must be equal: nothing is broadcast. */
import { add, type Tensor2D } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';

/** `a + b`, both (N, C). */
export function addResidual(a: Tensor2D, b: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([a, b], () => ({
    value: add(a, b),
    gradients: (dy) => [dy.clone(), dy.clone()],
  }));
}
