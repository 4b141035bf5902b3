/**
 * What an attention is asked to do, shared by its three implementations. Types only.
 */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { Angles, Rotary } from './rotary.ts';

export interface AttentionShape {
  readonly heads: number;
  /** Divides `heads`; query head `h` reads key head `⌊h · kvHeads / heads⌋`. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rotary: Rotary;
}

/** Keys (already rotated) and values of a text, both (P, kvHeads · headDim). */
export interface KeysValues {
  readonly keys: Tensor2D;
  readonly values: Tensor2D;
}

export interface AttentionCall extends AttentionShape {
  readonly batch: number;
  readonly length: number;
  /** Its length is the position of each text's first token. No gradient flows into it. */
  readonly past?: KeysValues;
}

/** What the two implementations work on: the call with its derived sizes. */
export interface AttentionPlan extends AttentionCall {
  readonly pastLength: number;
  /** heads + 2 · kvHeads, times headDim: the width of a row of `qkv`. */
  readonly width: number;
  readonly angles: Angles;
  /** 1 / √headDim. */
  readonly scale: number;
}
