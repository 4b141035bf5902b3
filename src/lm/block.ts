/** What the two families of transformer blocks have in common. Knows neither of them. */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { AttentionCall, KeysValues } from '../tensor/attention-plan.ts';
import { applyLinear, type Linear } from '../tensor/linear.ts';
import type { ModelConfig } from './model-config.ts';

export interface BlockCall {
  /** How many texts there are, all of the same length. */
  readonly batch: number;
  readonly length: number;
  /** Keys and values of the prefix that all texts share. */
  readonly past?: KeysValues;
  /** Receives keys and values of the texts themselves; their owner disposes them. */
  readonly keep?: (own: KeysValues) => void;
  /** Stands between a block's linear maps and what follows them. */
  readonly adjust?: Adjust;
}

/** The linear maps of a block, in both families; what one matrix computes has one name. */
export const linearMaps = ['queryKeyValue', 'attended', 'feedIn', 'feedOut'] as const;
export type LinearMap = (typeof linearMaps)[number];

/** Takes a map's input x (N, in) and result y (N, out) to another result (N, out). */
export type Adjust = (map: LinearMap, x: Tensor2D, y: Tensor2D) => Tensor2D;

/** The named map of a block, with the call's adjustment. */
export function project(call: BlockCall, name: LinearMap, map: Linear, x: Tensor2D): Tensor2D {
  const y = applyLinear(map, x);
  return call.adjust ? call.adjust(name, x, y) : y;
}

/** How many columns each linear map reads, and how many it writes. */
export function linearShapes(config: ModelConfig): Record<LinearMap, [from: number, to: number]> {
  const { family, hidden, heads, kvHeads, headDim, intermediate } = config;
  return {
    queryKeyValue: [hidden, (heads + 2 * kvHeads) * headDim],
    attended: [heads * headDim, hidden],
    feedIn: [hidden, family === 'llama' ? 2 * intermediate : intermediate],
    feedOut: [intermediate, hidden],
  };
}

/** One transformer block: h (B·T, C) to (B·T, C), residuals included. */
export type Block = (h: Tensor2D, call: BlockCall) => Tensor2D;

export function attentionCall(config: ModelConfig, call: BlockCall): AttentionCall {
  const { heads, kvHeads, headDim, rotaryDims, rotaryBase } = config;
  return {
    heads,
    kvHeads,
    headDim,
    rotary: { dims: rotaryDims, base: rotaryBase },
    batch: call.batch,
    length: call.length,
    ...(call.past ? { past: call.past } : {}),
  };
}
