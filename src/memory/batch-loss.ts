/** The loss of one batch under a model with a memory. Knows no optimizer and no schedule. */
import { type Scalar, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { crossEntropy, forwardBlocks, type Model } from '../lm/model.ts';
import { gatherRows } from '../tensor/gather-rows.ts';
import type { Batch } from './batch.ts';
import type { Memory } from './memory.ts';

/** `model` holds the blocks from the first memory upwards and the head, as far as the memory does not. */
export interface Trainee {
  readonly model: Model;
  readonly memory: Memory;
}

/** Mean cross-entropy over the batch's supervised tokens. */
export function batchLoss({ model, memory }: Trainee, batch: Batch): Scalar {
  const { texts, length, states, rows, targets } = batch;
  const { layers, hidden } = model.config;
  const adapted = memory.on(model);
  return tidy(() => {
    const h = tensor2d(states, [texts * length, hidden]); // (B·T, C)
    const top = forwardBlocks(adapted.model, h, {
      batch: texts,
      length,
      from: memory.blocks.from,
      to: layers,
      adapters: adapted.adapters,
    }); // (B·T, C)
    return crossEntropy(adapted.model, gatherRows(top, rows), targets);
  });
}
