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
  /** The weight is (out, in), a row for each output: a head's, whose words are read where they lie. */
  readonly byOutput?: boolean;
}

/** Maps x (N, in) to (N, out). */
export function applyLinear(map: Linear, x: Tensor2D): Tensor2D {
  return map.trainable ? trainableLinear(map, x) : frozenLinear(map, x);
}

function frozenLinear({ weight, bias, byOutput = false }: Linear, x: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([x], () => ({
    value: product(x, weight, { bias, flipB: byOutput }),
    gradients: (dy) => [product(dy, weight, { flipB: !byOutput })],
  }));
}

function trainableLinear({ weight, bias, byOutput = false }: Linear, x: Tensor2D): Tensor2D {
  const inputs: Tensor[] = bias ? [x, weight, bias] : [x, weight];
  return differentiable<Tensor2D>(inputs, (save) => {
    save([x]);
    return {
      value: product(x, weight, { bias, flipB: byOutput }),
      gradients: (dy, [saved]) => {
        const dx = product(dy, weight, { flipB: !byOutput });
        const [left, right] = byOutput ? [dy, saved as Tensor2D] : [saved as Tensor2D, dy];
        const dWeight = product(left, right, { flipA: true });
        return bias ? [dx, dWeight, sumRows(dy)] : [dx, dWeight];
      },
    };
  });
}
