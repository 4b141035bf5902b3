/** What the two families of transformer blocks have in common. Knows neither of them. */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { AttentionCall, KeysValues } from '../tensor/attention-plan.ts';
import type { ModelConfig } from './config.ts';

export interface BlockCall {
  /** How many texts there are, all of the same length. */
  readonly batch: number;
  readonly length: number;
  /** Keys and values of the prefix that all texts share. */
  readonly past?: KeysValues;
  /** Receives keys and values of the texts themselves; their owner disposes them. */
  readonly keep?: (own: KeysValues) => void;
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
