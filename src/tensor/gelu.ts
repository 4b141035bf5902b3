/**
 * GELU (Hendrycks & Gimpel, 2016): exact by the error function, or the tanh approximation. The
 * derivative is computed with the value, from the same exponential, if a gradient is recorded.
 */
import { add, erf, exp, mul, square, sub, type Tensor2D, tanh, tidy } from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { allocateFloats, onHost, recordingGradient, viewFloats } from './host.ts';
import { type Simd, simd, splitRange } from './kernel/simd.ts';

export type GeluKind = 'erf' | 'tanh';

/** Applies GELU to each element of x (N, C). */
export function gelu(x: Tensor2D, kind: GeluKind = 'erf'): Tensor2D {
  const recording = recordingGradient();
  return differentiable<Tensor2D>([x], (save) => {
    if (!onHost()) {
      save([x]);
      return {
        value: tidy(() => composedValue(x, kind)),
        gradients: (dy, saved) => [mul(dy, composedSlope(saved[0] as Tensor2D, kind))],
      };
    }
    const { value, slope } = evaluate(x, kind, recording);
    if (slope) save([slope]);
    return { value, gradients: (dy, saved) => [times(dy, saved[0] as Tensor2D)] };
  });
}

const ROOT_HALF = Math.SQRT1_2;
const INVERSE_ROOT_TWO_PI = 0.3989422804014327;
const ROOT_TWO_OVER_PI = 0.7978845608028654;
const CUBIC = 0.044715;

interface Evaluated {
  readonly value: Tensor2D;
  readonly slope: Tensor2D | undefined;
}

function evaluate(x: Tensor2D, kind: GeluKind, withSlope: boolean): Evaluated {
  const value = allocateFloats<Tensor2D>(x.shape);
  const slope = withSlope ? allocateFloats<Tensor2D>(x.shape) : undefined;
  const kernels = simd();
  if (kernels && kind === 'erf') {
    evaluateSimd(kernels, x, { value, slope });
    return { value, slope };
  }
  const fill = kind === 'erf' ? fillErf : fillTanh;
  fill(viewFloats(x), viewFloats(value), slope && viewFloats(slope));
  return { value, slope };
}

function evaluateSimd(
  { run, address, threads }: Simd,
  x: Tensor2D,
  { value, slope }: Evaluated,
): void {
  const [from, to, steep] = [address(x), address(value), slope ? address(slope) : 0];
  const calls = splitRange(x.size, threads, 4).map(([start, end]) => {
    const at = 4 * start;
    return [from + at, to + at, steep === 0 ? 0 : steep + at, end - start];
  });
  run('gelu', calls);
}

/** `a · b`, element by element. */
function times(a: Tensor2D, b: Tensor2D): Tensor2D {
  const kernels = simd();
  if (!kernels) return mul(a, b);
  const result = allocateFloats<Tensor2D>(a.shape);
  const [left, right, to] = [a, b, result].map(kernels.address) as [number, number, number];
  kernels.kernels.multiplyAll(left, right, to, a.size);
  return result;
}

function fillErf(from: Float32Array, to: Float32Array, slope: Float32Array | undefined): void {
  for (let i = 0; i < from.length; i++) {
    const x = from[i]!;
    const bell = Math.exp(-0.5 * x * x);
    const tail = 0.5 * bell * scaledComplement(Math.abs(x) * ROOT_HALF);
    const below = x > 0 ? 1 - tail : tail;
    to[i] = x * below;
    if (slope) slope[i] = below + x * bell * INVERSE_ROOT_TWO_PI;
  }
}

/**
 * erfc(z)·exp(z²) for z ≥ 0 as a polynomial in 1 / (1 + 0.4 z), fitted by weighted least squares on
 * [0, 6]: relative error 1e-7.
 */
function scaledComplement(z: number): number {
  const t = 1 / (1 + 0.4 * z);
  let sum = 0.06807727172230742;
  sum = sum * t - 0.3663086204586818;
  sum = sum * t + 0.6308094347959546;
  sum = sum * t - 0.3190759331046322;
  sum = sum * t + 0.3760585074630907;
  sum = sum * t + 0.15100255343993185;
  sum = sum * t + 0.2343214082109184;
  return t * (sum * t + 0.22511527717994212);
}

function fillTanh(from: Float32Array, to: Float32Array, slope: Float32Array | undefined): void {
  for (let i = 0; i < from.length; i++) {
    const x = from[i]!;
    const bend = Math.tanh(ROOT_TWO_OVER_PI * (x + CUBIC * x * x * x));
    to[i] = 0.5 * x * (1 + bend);
    if (!slope) continue;
    const inner = ROOT_TWO_OVER_PI * (1 + 3 * CUBIC * x * x);
    slope[i] = 0.5 * (1 + bend) + 0.5 * x * (1 - bend * bend) * inner;
  }
}

function composedValue(x: Tensor2D, kind: GeluKind): Tensor2D {
  return mul(mul(x, 0.5), add(bendOf(x, kind), 1));
}

/** erf(x/√2), or its tanh approximation: the odd function that GELU gates with. */
function bendOf(x: Tensor2D, kind: GeluKind): Tensor2D {
  if (kind === 'erf') return erf(mul(x, ROOT_HALF)) as Tensor2D;
  return tanh(mul(mul(x, ROOT_TWO_OVER_PI), add(mul(square(x), CUBIC), 1))) as Tensor2D;
}

function composedSlope(x: Tensor2D, kind: GeluKind): Tensor2D {
  return tidy(() => {
    const bend = bendOf(x, kind);
    const below = mul(add(bend, 1), 0.5);
    if (kind === 'erf') {
      return add(below, mul(x, mul(exp(mul(square(x), -0.5)), INVERSE_ROOT_TWO_PI))) as Tensor2D;
    }
    const inner = mul(add(mul(square(x), 3 * CUBIC), 1), ROOT_TWO_OVER_PI);
    return add(below, mul(mul(mul(x, 0.5), sub(1, square(bend))), inner)) as Tensor2D;
  });
}
