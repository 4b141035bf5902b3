/** Residual addition with its gradient. Shapes must be equal: nothing is broadcast. */
import { add, type Tensor2D } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { allocateFloats } from './host.ts';
import { type Simd, simd } from './kernel/simd.ts';

/** `a + b`, both (N, C). */
export function addResidual(a: Tensor2D, b: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([a, b], () => ({
    value: sumOf(a, b),
    gradients: (dy) => [dy.clone(), dy.clone()],
  }));
}

function sumOf(a: Tensor2D, b: Tensor2D): Tensor2D {
  const kernels = simd();
  return kernels ? simdSum(kernels, a, b) : add(a, b);
}

function simdSum({ kernels, address }: Simd, a: Tensor2D, b: Tensor2D): Tensor2D {
  const result = allocateFloats<Tensor2D>(a.shape);
  kernels.addAll(address(a), address(b), address(result), a.size);
  return result;
}
