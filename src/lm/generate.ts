/**
 * Greedy decoding with a cache of keys and values: each new token costs one row through the blocks.
 * Knows no tokenizer: ids in, ids out.
 */
import { slice, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import type { KeysValues } from '../tensor/attention-plan.ts';
import {
  type Adapter,
  embed,
  forwardBlocks,
  headLogits,
  joinPasts,
  type Model,
  type PastKeyValues,
  pastOf,
} from './model.ts';

export interface GenerateOptions {
  readonly maxTokens: number;
  /** Ends the text once it holds for the new ids, the last one included. */
  readonly stop?: (generated: readonly number[]) => boolean;
  readonly adapters?: ReadonlyMap<number, Adapter>;
  /** A prefix that was computed before; it stays the caller's. `ids` follow it. */
  readonly past?: PastKeyValues;
}

/**
 * The most likely continuation of `ids` (at least one), token by token.
 * @returns the new ids only
 */
export async function generateGreedy(
  model: Model,
  ids: readonly number[],
  { maxTokens, stop, adapters, past: given }: GenerateOptions,
): Promise<number[]> {
  if (ids.length === 0) throw new Error('generation needs at least one token to start from');
  const generated: number[] = [];
  let past = given;
  let next: readonly number[] = ids;
  try {
    while (generated.length < maxTokens) {
      const step = forwardStep(model, next, past, adapters);
      if (past !== given) past?.dispose();
      past = step.past;
      const token = await largestIndex(step.logits);
      generated.push(token);
      if (stop?.(generated)) break;
      next = [token];
    }
  } finally {
    if (past !== given) past?.dispose();
  }
  return generated;
}

interface Step {
  /** Of the last row, (1, V). */
  readonly logits: Tensor2D;
  /** Of everything so far. */
  readonly past: PastKeyValues;
}

function forwardStep(
  model: Model,
  ids: readonly number[],
  past: PastKeyValues | undefined,
  adapters: ReadonlyMap<number, Adapter> | undefined,
): Step {
  const blocks = new Map<number, KeysValues>();
  const logits = tidy(() => {
    const h = forwardBlocks(model, embed(model, Int32Array.from(ids)), {
      batch: 1,
      length: ids.length,
      keep: blocks,
      ...(past ? { past } : {}),
      ...(adapters ? { adapters } : {}),
    });
    return headLogits(model, slice(h, [ids.length - 1, 0], [1, h.shape[1]]));
  });
  const own = pastOf(blocks, ids.length);
  return { logits, past: past ? joinPasts(past, own) : own };
}

/** Ties go to the smallest id. Disposes the logits. */
async function largestIndex(logits: Tensor2D): Promise<number> {
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
