/**
 * Linear maps with hand-written gradients. A frozen map holds its weight in both orders once a
 * gradient has passed it, so that neither direction pays for a transposition again; a trainable map
 * gives gradients of weight and bias.
 */
import {
  add,
  keep,
  matMul,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { productOverRows, sumRows, transposed } from './matrix-product.ts';

/** `y = x · weight + bias`; weight is (in, out), the transpose of PyTorch's `nn.Linear.weight`. */
export interface Linear {
  readonly weight: Tensor2D;
  readonly bias?: Tensor1D;
  readonly trainable: boolean;
  /** Of a frozen map: its weight as (out, in), filled by the first gradient. */
  transposedWeight?: Tensor2D;
}

/** Maps x (N, in) to (N, out). */
export function applyLinear(map: Linear, x: Tensor2D): Tensor2D {
  return map.trainable ? trainableLinear(map, x) : frozenLinear(map, x);
}

/** `dy · weightᵀ`, the gradient that flows back to the map's input. */
export function inputGradient(map: Linear, dy: Tensor2D): Tensor2D {
  return tidy(() => matMul(dy, reversedWeight(map)) as Tensor2D);
}

function reversedWeight(map: Linear): Tensor2D {
  if (map.trainable) return transposed(map.weight);
  map.transposedWeight ??= keep(transposed(map.weight));
  return map.transposedWeight;
}

/** Frees the map's tensors. */
export function disposeLinear(map: Linear): void {
  map.weight.dispose();
  map.bias?.dispose();
  map.transposedWeight?.dispose();
}

function frozenLinear(map: Linear, x: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([x], () => ({
    value: product(map, x),
    gradients: (dy) => [inputGradient(map, dy)],
  }));
}

function trainableLinear(map: Linear, x: Tensor2D): Tensor2D {
  const { weight, bias } = map;
  const inputs: Tensor[] = bias ? [x, weight, bias] : [x, weight];
  return differentiable<Tensor2D>(inputs, (save) => {
    save([x]);
    return {
      value: product(map, x),
      gradients: (dy, [saved]) => {
        const gradients = [inputGradient(map, dy), productOverRows(saved as Tensor2D, dy)];
        return bias ? [...gradients, sumRows(dy)] : gradients;
      },
    };
  });
}

function product({ weight, bias }: Linear, x: Tensor2D): Tensor2D {
  return tidy(() => {
    const result = matMul(x, weight) as Tensor2D;
    return bias === undefined ? result : (add(result, bias) as Tensor2D);
  });
}
