/**
 * Vocabularies in pieces, as on a device whose buffers are too small for the head: the same numbers of
 * PyTorch have to come out, forward and backward.
 */
import { engine, grad, memory, type Tensor, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import { generateGreedy } from '../../src/lm/generate.ts';
import {
  crossEntropy,
  embed,
  forwardBlocks,
  loadModel,
  type Model,
  tokenLogProbabilities,
} from '../../src/lm/model.ts';
import { gatherRows } from '../../src/tensor/gather-rows.ts';
import { limitTensors } from '../../src/tensor/tensor-limit.ts';
import { partWords } from '../../src/tensor/word-table.ts';
import { BACKENDS, missing, useBackend } from './backends.ts';
import { MODELS, readFixture, relativeError } from './fixture.ts';
import { expectGradients, expectLogits, LOGIT_TOLERANCE } from './model-checks.ts';

/** The blocks' matrices may be as large as they are: some are larger than these small vocabularies. */
async function loadInPieces(folder: string, words: number, trainable: boolean): Promise<Model> {
  const { layers, hidden } = readModelConfig(folder);
  const inner = { from: 0, to: layers, embedding: false, head: false, trainable };
  const blocks = await loadModel(folder, inner);
  limitTensors(engine().backend, 4 * hidden * words);
  const outer = { from: layers, to: layers, embedding: true, head: true, trainable };
  const ends = await loadModel(folder, outer);
  limitTensors(engine().backend, Number.POSITIVE_INFINITY);
  return {
    ...ends,
    part: { ...inner, embedding: true, head: true },
    blocks: blocks.blocks,
    parameters: [...blocks.parameters, ...ends.parameters],
    variables: [...blocks.variables, ...ends.variables],
    dispose: () => {
      blocks.dispose();
      ends.dispose();
    },
  };
}

/** Where memory is this process's own, nothing limits a tensor; `composed` stands for the devices. */
const devices = BACKENDS.filter((name) => name !== 'cpu' && name !== 'wasm');

describe.skipIf(missing).each(devices)('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  describe.each(MODELS)('%s', (name) => {
    const fixture = readFixture(name);
    const { folder, batch, length, flatIds, reference } = fixture;

    describe.each([70, 17])('in pieces of at most %i words', (words) => {
      let model: Model;
      let trainable: Model;
      beforeAll(async () => {
        model = await loadInPieces(folder, words, false);
        trainable = await loadInPieces(folder, words, true);
      });
      afterAll(() => {
        model.dispose();
        trainable.dispose();
      });

      it('holds no tensor that is larger', () => {
        const { vocab } = model.config;
        for (const { head } of [model, trainable]) {
          const counts = head!.words.parts.map(({ shape }) => shape[0]);
          expect(counts).toHaveLength(Math.ceil(vocab / words));
          expect(Math.max(...counts)).toBeLessThanOrEqual(words);
          expect(counts.reduce((sum, count) => sum + count)).toBe(vocab);
        }
      });

      it('computes the logits', async () => {
        for (const each of [model, trainable]) await expectLogits(each, fixture);
      });

      it('computes the loss and the gradient of every weight', async () => {
        await expectGradients(trainable, fixture);
      });

      it('gives what lies below a frozen head the same gradient as a whole one', async () => {
        const h = forwardBlocks(model, embed(model, flatIds), { batch, length });
        const rows = gatherRows(h, fixture.rows);
        const { layers } = model.config;
        const head = { from: layers, to: layers, embedding: false, head: true };
        const whole = await loadModel(folder, head);
        const [expected, found] = [whole, model].map((each) => {
          return grad((x) => crossEntropy(each, x as Tensor2D, fixture.targets))(rows);
        }) as [Tensor, Tensor];
        const error = relativeError(await found.data(), await expected.data());
        expect(error).toBeLessThan(LOGIT_TOLERANCE);
        whole.dispose();
      });

      it('scores and generates, and leaves no tensor behind', async () => {
        const before = memory().numTensors;
        const rows = tidy(() => {
          const h = forwardBlocks(model, embed(model, flatIds), { batch, length });
          return gatherRows(h, fixture.rows);
        });
        const scores = await tokenLogProbabilities(model, rows, fixture.targets);
        const mean = scores.reduce((sum, value) => sum + value, 0) / scores.length;
        expect(-mean).toBeCloseTo(reference.loss, 5);
        rows.dispose();
        const options = { maxTokens: reference.greedy.length };
        const generated = await generateGreedy(model, reference.prompt, options);
        expect(generated).toEqual(reference.greedy);
        expect(memory().numTensors).toBe(before);
      });
    });
  });
});

describe('the pieces of a vocabulary', () => {
  const megabytes = 128 * 2 ** 20;

  it.each([
    ['Llama 2 13b', 32000, 5120, [6400, 6400, 6400, 6400, 6400]],
    ['Pythia 70m, whole', 50304, 512, [50304]],
    ['a word more than fits', 32769, 1024, [16385, 16384]],
    ['what does not divide', 100_000, 1024, [25000, 25000, 25000, 25000]],
  ])('of %s fit into 128 MiB each', async (_, words, width, expected) => {
    await useBackend('composed');
    limitTensors(engine().backend, megabytes);
    expect(partWords(words, width)).toEqual(expected);
    limitTensors(engine().backend, Number.POSITIVE_INFINITY);
    expect(partWords(words, width)).toEqual([words]);
  });

  it('are a whole vocabulary again, in order, whatever the limit', async () => {
    await useBackend('composed');
    for (const words of [1, 2, 7, 131, 20_001]) {
      for (const limit of [1, 4 * 64, 4 * 64 * 3, 4 * 64 * 1000, 2 ** 31]) {
        limitTensors(engine().backend, limit);
        const counts = partWords(words, 64);
        expect(counts.reduce((sum, count) => sum + count)).toBe(words);
        expect(Math.min(...counts)).toBeGreaterThan(0);
        expect(Math.max(...counts)).toBeLessThanOrEqual(Math.max(1, limit / (4 * 64)));
      }
    }
    limitTensors(engine().backend, Number.POSITIVE_INFINITY);
  });

  it('of the blocks do not exist: a matrix that is too large is refused before it is made', async () => {
    await useBackend('composed');
    limitTensors(engine().backend, 2 ** 12);
    const { folder } = readFixture('llama-gqa');
    const held = memory().numTensors;
    const loading = loadModel(folder, { from: 0, to: 1, embedding: false, head: false });
    await expect(loading).rejects.toThrow(/has a matrix of 1 MiB, but this device takes 1 MiB/);
    expect(memory().numTensors).toBe(held);
    limitTensors(engine().backend, Number.POSITIVE_INFINITY);
  });
});
