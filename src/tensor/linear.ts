/**
 * Linear maps with hand-written gradients: of the input only when frozen, of weight and bias too when
 * trainable.
 */
import type { Tensor, Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { product, sumRows } from './matrix-product.ts';

/** `y = x · weight + bias`; weight is (in, out), the transpose of PyTorch's `nn.Linear.weight`. */
export interface Linear {
  readonly weight: Tensor2D;
  readonly bias?: Tensor1D;
  readonly trainable: boolean;
}

/** Maps x (N, in) to (N, out). */
export function applyLinear(map: Linear, x: Tensor2D): Tensor2D {
  return map.trainable ? trainableLinear(map, x) : frozenLinear(map, x);
}

function frozenLinear({ weight, bias }: Linear, x: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([x], () => ({
    value: product(x, weight, { bias }),
    gradients: (dy) => [product(dy, weight, { flipB: true })],
  }));
}

function trainableLinear({ weight, bias }: Linear, x: Tensor2D): Tensor2D {
  const inputs: Tensor[] = bias ? [x, weight, bias] : [x, weight];
  return differentiable<Tensor2D>(inputs, (save) => {
    save([x]);
    return {
      value: product(x, weight, { bias }),
      gradients: (dy, [saved]) => {
        const dx = product(dy, weight, { flipB: true });
        const dWeight = product(saved as Tensor2D, dy, { flipA: true });
        return bias ? [dx, dWeight, sumRows(dy)] : [dx, dWeight];
      },
    };
  });
}
