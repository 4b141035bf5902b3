/**
 * SwiGLU (Shazeer, 2020): `silu(gate) · up`, with its gradient. Gate and up projections come side by
 * side in one matrix, so that they are one product.
 */
import { add, concat, mul, sigmoid, slice, sub, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { allocateFloats, onHost, viewFloats } from './host.ts';
import { type Simd, simd, splitRange } from './kernel/simd.ts';

/** Maps x (N, 2·I), gate in the first I columns and up in the others, to (N, I). */
export function swiGlu(x: Tensor2D): Tensor2D {
  return differentiable<Tensor2D>([x], (save) => {
    save([x]);
    return {
      value: onHost() ? forwardLoops(x) : tidy(() => forward(x)),
      gradients: (dy, saved) => {
        const x = saved[0] as Tensor2D;
        return [onHost() ? backwardLoops(x, dy) : tidy(() => backward(x, dy))];
      },
    };
  });
}

function forwardSimd({ run, address, threads }: Simd, x: Tensor2D, value: Tensor2D): Tensor2D {
  const [rows, width] = value.shape;
  const [from, to] = [address(x), address(value)];
  const calls = splitRange(rows, threads).map(([start, end]) => {
    const at = 4 * start * width;
    return [from + 2 * at, to + at, end - start, width];
  });
  run('swiGlu', calls);
  return value;
}

function backwardSimd(
  { run, address, threads }: Simd,
  { x, dy, dx }: Record<'x' | 'dy' | 'dx', Tensor2D>,
): Tensor2D {
  const [rows, width] = dy.shape;
  const [from, slope, to] = [address(x), address(dy), address(dx)];
  const calls = splitRange(rows, threads).map(([start, end]) => {
    const at = 4 * start * width;
    return [from + 2 * at, slope + at, to + 2 * at, end - start, width];
  });
  run('swiGluGradient', calls);
  return dx;
}

function forwardLoops(x: Tensor2D): Tensor2D {
  const [rows, width] = [x.shape[0], x.shape[1] / 2];
  const value = allocateFloats<Tensor2D>([rows, width]);
  const kernels = simd();
  if (kernels) return forwardSimd(kernels, x, value);
  const [from, to] = [viewFloats(x), viewFloats(value)];
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const gate = from[2 * row * width + i]!;
      to[row * width + i] = (gate / (1 + Math.exp(-gate))) * from[(2 * row + 1) * width + i]!;
    }
  }
  return value;
}

function backwardLoops(x: Tensor2D, dy: Tensor2D): Tensor2D {
  const [rows, width] = dy.shape;
  const dx = allocateFloats<Tensor2D>([rows, 2 * width]);
  const kernels = simd();
  if (kernels) return backwardSimd(kernels, { x, dy, dx });
  const [from, slope, to] = [viewFloats(x), viewFloats(dy), viewFloats(dx)];
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const [left, right] = [2 * row * width + i, (2 * row + 1) * width + i];
      const gate = from[left]!;
      const share = 1 / (1 + Math.exp(-gate));
      const d = slope[row * width + i]!;
      to[left] = d * from[right]! * share * (1 + gate * (1 - share));
      to[right] = d * gate * share;
    }
  }
  return dx;
}

function halves(x: Tensor2D): [Tensor2D, Tensor2D] {
  const [rows, width] = [x.shape[0], x.shape[1] / 2];
  return [slice(x, [0, 0], [rows, width]), slice(x, [0, width], [rows, width])];
}

function forward(x: Tensor2D): Tensor2D {
  const [gate, up] = halves(x);
  return mul(mul(gate, sigmoid(gate)), up);
}

function backward(x: Tensor2D, dy: Tensor2D): Tensor2D {
  const [gate, up] = halves(x);
  const share = sigmoid(gate);
  const slope = mul(share, add(1, mul(gate, sub(1, share))));
  return concat([mul(mul(dy, up), slope), mul(dy, mul(gate, share))], 1) as Tensor2D;
}
