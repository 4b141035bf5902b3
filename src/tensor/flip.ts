/** A differentiable transpose, for a head that is tied to the embedding while both are trained. */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { transposed } from './matrix-product.ts';

/** x (R, C) to (C, R). */
export function flip(x: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([x], () => ({
    value: transposed(x),
    gradients: (dy) => [transposed(dy)],
  }));
}
