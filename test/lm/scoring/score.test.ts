import { fileURLToPath } from 'node:url';
import { memory, mul, type Tensor2D, tensor2d } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  embed,
  forwardBlocks,
  loadModel,
  type Model,
  tokenLogProbabilities,
} from '../../../src/lm/model.ts';
import { completeContexts } from '../../../src/lm/scoring/complete.ts';
import type { Question } from '../../../src/lm/scoring/question.ts';
import { scoreQuestions } from '../../../src/lm/scoring/score.ts';
import { startBackend } from '../../../src/tensor/backend.ts';

const PRETRAINED = { adapters: new Map() };
const DOUBLED = { adapters: new Map([[2, (h: Tensor2D) => mul(h, 1.5) as Tensor2D]]) };
const TURNED = { adapters: new Map([[3, (h: Tensor2D) => mul(h, -1) as Tensor2D]]) };

const QUESTIONS: Question[] = [
  { context: [5, 9, 11, 20], continuations: [[30], [31, 7], [32, 8, 9]] },
  {
    context: [5, 9, 12],
    continuations: [
      [30, 1],
      [31, 1],
      [32, 1],
    ],
  },
  { context: [5, 9, 11, 40, 41, 42], continuations: [[30], [31], [32]] },
];

describe.each(['neox-parallel', 'llama-gqa'])('scoreQuestions on %s', (name) => {
  let model: Model;
  beforeAll(async () => {
    await startBackend('wasm');
    const folder = fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));
    model = await loadModel(folder, { from: 0, to: 5, embedding: true, head: true });
  });
  afterAll(() => model.dispose());

  /** The same likelihoods without sharing anything: the whole text through the whole model. */
  async function plainly(question: Question, { adapters }: typeof DOUBLED): Promise<number[]> {
    const sums: number[] = [];
    for (const tail of question.continuations) {
      const ids = Int32Array.from([...question.context, ...tail]);
      const embedded = embed(model, ids.subarray(0, -1));
      const h = forwardBlocks(model, embedded, { batch: 1, length: ids.length - 1, adapters });
      const logs = await tokenLogProbabilities(model, h, ids.subarray(1));
      sums.push(logs.subarray(-tail.length).reduce((sum, value) => sum + value, 0));
      embedded.dispose();
      h.dispose();
    }
    return sums;
  }

  test.each([
    [1, undefined],
    [4, undefined],
    [48, undefined],
    [48, 0],
  ])('equals plain forward passes, %i rows at once (least saved: %s)', async (batch, least) => {
    const candidates = [PRETRAINED, DOUBLED, TURNED];
    const options = { batch, ...(least === undefined ? {} : { leastSaved: least }) };
    const scores = await scoreQuestions(model, QUESTIONS, candidates, options);
    for (const [c, candidate] of candidates.entries()) {
      for (const [q, question] of QUESTIONS.entries()) {
        const plain = await plainly(question, candidate);
        plain.forEach((value, at) => {
          expect(Math.abs(scores[c]!.logLikelihoods[q]![at]! - value)).toBeLessThan(2e-5);
        });
      }
    }
  });

  test('measures by how much a candidate moves the logits, exactly 0 for the reference', async () => {
    const scores = await scoreQuestions(model, QUESTIONS, [PRETRAINED, DOUBLED, PRETRAINED], {
      batch: 48,
    });
    const deltas = scores.map(({ maxAbsLogitDeltas }) => maxAbsLogitDeltas);
    expect(deltas[0]!.every((delta) => delta === 0)).toBe(true);
    expect(deltas[1]!.every((delta) => delta > 1e-3)).toBe(true);
    expect(deltas[2]!.every((delta) => delta === 0)).toBe(true);
  });

  test('leaves no tensor behind, and says when logits are not numbers', async () => {
    const before = memory().numTensors;
    await scoreQuestions(model, QUESTIONS, [PRETRAINED, DOUBLED], { batch: 2 });
    await scoreQuestions(model, QUESTIONS, [PRETRAINED, DOUBLED], { batch: 2, leastSaved: 0 });
    expect(memory().numTensors).toBe(before);
    const broken = (h: Tensor2D) => mul(h, tensor2d([[Number.NaN]])) as Tensor2D;
    const candidates = [{ adapters: new Map([[4, broken]]) }];
    await expect(scoreQuestions(model, QUESTIONS, candidates, { batch: 48 })).rejects.toThrow(
      'not finite',
    );
    expect(memory().numTensors).toBe(before);
  });

  test('completions show by their first logits whether an adapter took part', async () => {
    const before = memory().numTensors;
    const logitsWith = async ({ adapters }: typeof DOUBLED) => {
      const options = { adapters, maxTokens: 1, stop: () => false };
      return (await completeContexts(model, [[5, 9, 11]], options))[0]!.firstLogits;
    };
    const plain = await logitsWith(PRETRAINED);
    expect(await logitsWith(PRETRAINED)).toEqual(plain);
    for (const adapted of [DOUBLED, TURNED]) {
      expect(await logitsWith(adapted)).not.toEqual(plain);
    }
    expect(memory().numTensors).toBe(before);
  });

  test('completions are the same with and without a shared beginning', async () => {
    const contexts = [
      [5, 9, 11, 20],
      [5, 9, 12],
      [5, 9, 11, 40, 41],
    ];
    const options = { adapters: DOUBLED.adapters, maxTokens: 5, stop: () => false };
    const together = await completeContexts(model, contexts, options);
    for (const [at, context] of contexts.entries()) {
      const [alone] = await completeContexts(model, [context], options);
      expect(alone!.ids).toEqual(together[at]!.ids);
      expect(alone!.ids).toHaveLength(5);
      const { firstLogits } = together[at]!;
      expect(firstLogits.indexOf(Math.max(...firstLogits))).toBe(alone!.ids[0]);
      firstLogits.forEach((logit, word) => {
        expect(Math.abs(logit - alone!.firstLogits[word]!)).toBeLessThan(1e-3);
      });
    }
  });
});
