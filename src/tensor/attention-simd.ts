/** Attention by our own wasm kernels. See `attention.ts`. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { rotateRows } from './attention-loops.ts';
import type { AttentionPlan } from './attention-plan.ts';
import { allocateFloats, viewFloats } from './host.ts';
import { simd, splitRange } from './kernel/simd.ts';

interface Forward {
  readonly value: Tensor2D;
  /** The rotated qkv and the attention weights (B·H·T, P + T). */
  readonly kept: Tensor[];
}

export function attendForwardSimd(qkv: Tensor2D, plan: AttentionPlan): Forward {
  const { batch, length, heads, headDim, pastLength } = plan;
  const value = allocateFloats<Tensor2D>([batch * length, heads * headDim]);
  const rotated = allocateFloats<Tensor2D>(qkv.shape);
  const weights = allocateFloats<Tensor2D>([batch * heads * length, pastLength + length]);
  const turned = viewFloats(rotated);
  turned.set(viewFloats(qkv));
  rotateRows(turned, plan, 1);
  runKernel('attend', plan, rotated, [weights, value]);
  return { value, kept: [rotated, weights] };
}

/** Gradient of the unrotated qkv (B·T, width) from that of the mixed values (B·T, H·D). */
export function attendBackwardSimd(dy: Tensor2D, saved: Tensor[], plan: AttentionPlan): Tensor2D {
  const [rotated, weights] = saved as [Tensor2D, Tensor2D];
  const gradient = allocateFloats<Tensor2D>(rotated.shape);
  viewFloats(gradient).fill(0);
  runKernel('attendGradient', plan, rotated, [weights, dy, gradient]);
  rotateRows(viewFloats(gradient), plan, -1);
  return gradient;
}

/** Cuts the pairs of a text and a key head among the threads. */
function runKernel(
  name: 'attend' | 'attendGradient',
  plan: AttentionPlan,
  rotated: Tensor2D,
  more: readonly Tensor[],
): void {
  const { kernels, run, scratch, threads, address } = simd()!;
  const { batch, length, heads, kvHeads, headDim, past, pastLength, scale } = plan;
  const working = scratch(kernels.attentionScratch(pastLength + length));
  const prefix = [past ? address(past.keys) : 0, past ? address(past.values) : 0, pastLength];
  const inputs = [address(rotated), ...prefix, length, heads, kvHeads, headDim, scale];
  const outputs = more.map(address);
  const calls = splitRange(batch * kvHeads, threads).map(([from, to], thread) => {
    return [from, to, ...inputs, ...outputs, working[thread]!];
  });
  run(name, calls);
}
