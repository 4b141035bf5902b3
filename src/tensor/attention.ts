/**
 * Causal self-attention over a batch of texts of equal length, with rotary positions, grouped queries
 * (Ainslie et al., 2023) and, optionally, a prefix that all texts share: its keys and values are held
 * once, and every query sees all of them before its own text. The gradient is by hand.
 *
 * Knows no projection and no model: it maps queries, keys and values to mixed values.
 */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { attendBackward, attendForward, keysValuesOf } from './attention-composed.ts';
import { attendBackwardLoops, attendForwardLoops, keysValuesLoops } from './attention-loops.ts';
import type { AttentionCall, AttentionPlan, KeysValues } from './attention-plan.ts';
import { attendBackwardSimd, attendForwardSimd } from './attention-simd.ts';
import { differentiable } from './differentiable.ts';
import { onHost } from './host.ts';
import { simd } from './kernel/simd.ts';
import { rotaryAngles } from './rotary.ts';

/**
 * @param qkv (B·T, (H + 2·K)·D): in each row the queries of all heads, then the keys, then the values.
 * @returns (B·T, H·D)
 */
export function attention(qkv: Tensor2D, call: AttentionCall): Tensor2D {
  const plan = planAttention(qkv, call);
  const [forward, backward] = implementation();
  return differentiable<Tensor2D>([qkv], (save) => {
    const { value, kept } = forward(qkv, plan);
    save(kept);
    return { value, gradients: (dy, saved: Tensor[]) => [backward(dy, saved, plan)] };
  });
}

function implementation() {
  if (simd()) return [attendForwardSimd, attendBackwardSimd] as const;
  if (onHost()) return [attendForwardLoops, attendBackwardLoops] as const;
  return [attendForward, attendBackward] as const;
}

/** The keys (rotated) and values of the rows of `qkv`, to serve as the past of later calls. */
export function keysValues(qkv: Tensor2D, call: AttentionCall): KeysValues {
  const plan = planAttention(qkv, call);
  return onHost() ? keysValuesLoops(qkv, plan) : keysValuesOf(qkv, plan);
}

function planAttention(qkv: Tensor2D, call: AttentionCall): AttentionPlan {
  const { batch, length, heads, kvHeads, headDim } = call;
  const width = (heads + 2 * kvHeads) * headDim;
  if (qkv.shape[0] !== batch * length || qkv.shape[1] !== width) {
    throw new Error(`attention: qkv is [${qkv.shape}], expected [${batch * length}, ${width}]`);
  }
  const pastLength = call.past?.keys.shape[0] ?? 0;
  const angles = rotaryAngles(call.rotary, pastLength, length);
  return { ...call, pastLength, width, angles, scale: 1 / Math.sqrt(headDim) };
}
