/**
 * Logits, losses, gradients, a prefix and greedy decoding against PyTorch's frozen numbers, on the
 * two backends that are always there. The memory's own numbers are compared in memory.test.ts.
 */
import { memory, tidy } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import { generateGreedy } from '../../src/lm/generate.ts';
import {
  embed,
  forwardBlocks,
  forwardPrefix,
  headLogits,
  loadModel,
  type Model,
  tokenLogProbabilities,
} from '../../src/lm/model.ts';
import { gatherRows } from '../../src/tensor/gather-rows.ts';
import { BACKENDS, missing, useBackend } from './backends.ts';
import { MODELS, readFixture, relativeError } from './fixture.ts';
import { expectGradients, expectLogits, LOGIT_TOLERANCE } from './model-checks.ts';

describe.skipIf(missing).each(BACKENDS)('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe.each(MODELS)('%s', (name) => {
    const fixture = readFixture(name);
    const { folder, batch, length, flatIds, reference } = fixture;
    let model: Model;
    let trainable: Model;
    beforeAll(async () => {
      const { layers } = readModelConfig(folder);
      const whole = { from: 0, to: layers, embedding: true, head: true };
      model = await loadModel(folder, whole);
      trainable = await loadModel(folder, { ...whole, trainable: true });
    });
    afterAll(() => {
      model.dispose();
      trainable.dispose();
    });

    it('computes the logits', async () => {
      for (const each of [model, trainable]) await expectLogits(each, fixture);
    });

    it('computes the loss and the gradient of every weight', async () => {
      await expectGradients(trainable, fixture);
    });

    it('gives the log-probabilities that the loss is the mean of', async () => {
      const h = forwardBlocks(model, embed(model, flatIds), { batch, length });
      const rows = gatherRows(h, fixture.rows);
      const values = await tokenLogProbabilities(model, rows, fixture.targets);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expect(-mean).toBeCloseTo(reference.loss, 5);
    });

    it('computes the same logits after a shared prefix as without one', async () => {
      const cut = 4;
      const prefix = flatIds.subarray(0, cut);
      // Every text starts with the prefix of the first.
      const texts = reference.ids.map((ids) => [...prefix, ...ids.slice(cut)]);
      const tails = Int32Array.from(texts.flatMap((ids) => ids.slice(cut)));
      const plain = await tidy(() => {
        const h = embed(model, Int32Array.from(texts.flat()));
        return headLogits(model, forwardBlocks(model, h, { batch, length }));
      }).array();
      const { past, h: output } = forwardPrefix(model, embed(model, prefix));
      const shared = await tidy(() => {
        const call = { batch, length: length - cut, past };
        return headLogits(model, forwardBlocks(model, embed(model, tails), call));
      }).array();
      const expected = plain.filter((_, row) => row % length >= cut).flat();
      expect(relativeError(shared.flat(), expected)).toBeLessThan(LOGIT_TOLERANCE);
      past.dispose();
      output.dispose();
    });

    it('generates what Transformers generates greedily, and leaves no tensor behind', async () => {
      const before = memory().numTensors;
      const options = { maxTokens: reference.greedy.length };
      const generated = await generateGreedy(model, reference.prompt, options);
      expect(generated).toEqual(reference.greedy);
      expect(memory().numTensors).toBe(before);
    });
  });
});
