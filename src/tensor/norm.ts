/**
 * LayerNorm (Ba et al., 2016) and RMSNorm (Zhang & Sennrich, 2019) over the last axis, with their
 * gradients. RMSNorm is LayerNorm without the mean and the bias, so both share one pair of loops.
 */
import {
  add,
  mean,
  mul,
  rsqrt,
  square,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tidy,
} from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { allocateFloats, onHost, viewFloats } from './host.ts';
import { type Simd, simd, splitRange } from './kernel/simd.ts';

export interface Norm {
  /** (C) */
  readonly scale: Tensor1D;
  /** (C); a norm without it is an RMSNorm: it does not subtract the mean. */
  readonly shift?: Tensor1D;
  readonly epsilon: number;
  /** Whether gradients of scale and shift are wanted beside that of the input. */
  readonly trainable: boolean;
}

/** Normalises each row of x (N, C). */
export function applyNorm(norm: Norm, x: Tensor2D): Tensor2D {
  const { scale, shift, trainable } = norm;
  const inputs: Tensor[] = trainable ? [x, scale, ...(shift ? [shift] : [])] : [x];
  return differentiable<Tensor2D>(inputs, (save) => {
    const { value, normalised, inverse } = onHost() ? forwardLoops(norm, x) : forward(norm, x);
    save([normalised, inverse]);
    return {
      value,
      gradients: (dy, saved) => {
        const [normalised, inverse] = saved as [Tensor2D, Tensor2D];
        const all = onHost()
          ? backwardLoops(norm, dy, normalised, inverse)
          : backward(norm, dy, normalised, inverse);
        return all.slice(0, inputs.length);
      },
    };
  });
}

interface Forward {
  readonly value: Tensor2D;
  /** (N, C): (x − mean) / deviation. */
  readonly normalised: Tensor2D;
  /** (N, 1): 1 / deviation. */
  readonly inverse: Tensor2D;
}

function forward({ scale, shift, epsilon }: Norm, x: Tensor2D): Forward {
  const centred = shift ? sub(x, mean(x, 1, true)) : x;
  const inverse = rsqrt(add(mean(square(centred), 1, true), epsilon)) as Tensor2D;
  const normalised = mul(centred, inverse) as Tensor2D;
  const scaled = mul(normalised, scale) as Tensor2D;
  return { value: shift ? add(scaled, shift) : scaled, normalised, inverse };
}

function backward(norm: Norm, dy: Tensor2D, normalised: Tensor2D, inverse: Tensor2D): Tensor[] {
  return tidy(() => {
    const g = mul(dy, norm.scale);
    const along = mul(normalised, mean(mul(g, normalised), 1, true));
    const flat = norm.shift ? sub(g, mean(g, 1, true)) : g;
    const dx = mul(sub(flat, along), inverse);
    if (!norm.trainable) return [dx];
    return [dx, sum(mul(dy, normalised), 0), ...(norm.shift ? [sum(dy, 0)] : [])];
  });
}

function forwardSimd(
  { run, address, threads }: Simd,
  { scale, shift, epsilon }: Norm,
  x: Tensor2D,
  result: Forward,
): Forward {
  const [rows, width] = x.shape;
  const { value, normalised, inverse } = result;
  const [from, to, unit, inv] = [x, value, normalised, inverse].map(address) as Addresses;
  const [gamma, beta] = [address(scale), shift ? address(shift) : 0];
  const calls = splitRange(rows, threads).map(([start, end]) => {
    const at = 4 * start * width;
    const outputs = [to + at, unit + at, inv + 4 * start];
    return [from + at, gamma, beta, epsilon, ...outputs, end - start, width];
  });
  run('normalise', calls);
  return result;
}

type Addresses = [number, number, number, number];

/** Not split among threads: rows add to the same sums, and it is a small part of the whole. */
function backwardSimd(
  { kernels, address }: Simd,
  norm: Norm,
  { dy, normalised, inverse, dx }: Record<'dy' | 'normalised' | 'inverse' | 'dx', Tensor2D>,
  sums: { dScale: Tensor1D; dShift: Tensor1D },
): Tensor[] {
  const [rows, width] = dy.shape;
  const [slope, unit, inv, to] = [dy, normalised, inverse, dx].map(address) as Addresses;
  const [dScale, dShift] = norm.trainable ? [address(sums.dScale), address(sums.dShift)] : [0, 0];
  const inputs = [slope, address(norm.scale), unit, inv, norm.shift ? 1 : 0];
  kernels.normaliseGradient(...inputs, to, dScale, dShift, rows, width);
  return [dx, sums.dScale, sums.dShift];
}

function forwardLoops(norm: Norm, x: Tensor2D): Forward {
  const { scale, shift, epsilon } = norm;
  const [rows, width] = x.shape;
  const value = allocateFloats<Tensor2D>([rows, width]);
  const normalised = allocateFloats<Tensor2D>([rows, width]);
  const inverse = allocateFloats<Tensor2D>([rows, 1]);
  const kernels = simd();
  if (kernels) return forwardSimd(kernels, norm, x, { value, normalised, inverse });
  const [from, to, unit, inv] = [x, value, normalised, inverse].map(viewFloats) as Views;
  const gamma = viewFloats(scale);
  const beta = shift ? viewFloats(shift) : undefined;
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let centre = 0;
    if (beta) for (let i = 0; i < width; i++) centre += from[start + i]!;
    centre /= width;
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (from[start + i]! - centre) ** 2;
    const factor = 1 / Math.sqrt(squares / width + epsilon);
    inv[row] = factor;
    for (let i = 0; i < width; i++) {
      const u = (from[start + i]! - centre) * factor;
      unit[start + i] = u;
      to[start + i] = beta ? u * gamma[i]! + beta[i]! : u * gamma[i]!;
    }
  }
  return { value, normalised, inverse };
}

type Views = [Float32Array, Float32Array, Float32Array, Float32Array];

function backwardLoops(
  norm: Norm,
  dy: Tensor2D,
  normalised: Tensor2D,
  inverse: Tensor2D,
): Tensor[] {
  const [rows, width] = dy.shape;
  const dx = allocateFloats<Tensor2D>([rows, width]);
  const dScale = allocateFloats<Tensor1D>([width]);
  const dShift = allocateFloats<Tensor1D>([width]);
  const [to, slope, unit, inv] = [dx, dy, normalised, inverse].map(viewFloats) as Views;
  const [gamma, gScale, gShift] = [norm.scale, dScale, dShift].map(viewFloats) as Views;
  gScale.fill(0);
  gShift.fill(0);
  const kernels = simd();
  if (kernels) {
    return backwardSimd(kernels, norm, { dy, normalised, inverse, dx }, { dScale, dShift });
  }
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    let total = 0;
    let along = 0;
    for (let i = 0; i < width; i++) {
      const g = slope[start + i]! * gamma[i]!;
      total += g;
      along += g * unit[start + i]!;
    }
    const offset = norm.shift ? total / width : 0;
    along /= width;
    const factor = inv[row]!;
    for (let i = 0; i < width; i++) {
      const d = slope[start + i]!;
      const u = unit[start + i]!;
      to[start + i] = (d * gamma[i]! - offset - u * along) * factor;
      gScale[i]! += d * u;
      gShift[i]! += d;
    }
  }
  return [dx, dScale, dShift];
}
