import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory as tensorMemory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { embed, forwardBlocks, headLogits, loadModel } from '../../src/lm/model.ts';
import { type PretrainHooks, type PretrainJob, pretrain } from '../../src/lm/pretrain/pretrain.ts';
import { batchOf, batchOfStep, type TextRow, textRow } from '../../src/lm/pretrain/text-rows.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { temporaryFolder } from '../memory/tiny-model.ts';

const encode = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0) - 96);
const texts: TextRow[] = ['abcabcabc', 'bcabca', 'cab', 'abcabcabcabcab'].map((text) =>
  textRow(
    [
      { text, answer: false },
      { text: 'd', answer: true },
    ],
    encode,
    { endId: 0, limit: 12 },
  ),
);

function job(folder: string): PretrainJob {
  return {
    shape: {
      layers: 2,
      hidden: 16,
      heads: 2,
      intermediate: 32,
      rotaryShare: 0.5,
      vocab: 8,
      maxPositions: 32,
    },
    texts,
    options: {
      steps: 60,
      batch: 4,
      learningRate: 0.01,
      warmupSteps: 5,
      finalShare: 0.1,
      adam: {
        kind: 'adamw',
        beta1: 0.9,
        beta2: 0.98,
        epsilon: 1e-8,
        weightDecay: 0.01,
        clipNorm: 1,
      },
      answerWeight: 3,
      seed: 0,
    },
    scratch: join(folder, 'scratch'),
    output: join(folder, 'model'),
  };
}

const alone: PretrainHooks = {
  saved: undefined,
  saveDue: () => false,
  save: () => undefined,
  stepped: () => undefined,
};

beforeAll(() => startBackend('wasm'));

describe('text rows', () => {
  it('pad on the right and predict each token of a text but the first', () => {
    const batch = batchOf([texts[2]!, texts[1]!]);
    expect(batch.length).toBe(7);
    expect([...batch.ids.subarray(0, 7)]).toEqual([0, 3, 1, 2, 4, 0, 0]);
    expect([...batch.rows]).toEqual([0, 1, 2, 3, 7, 8, 9, 10, 11, 12, 13]);
    expect([...batch.targets.subarray(0, 4)]).toEqual([3, 1, 2, 4]);
    expect([...batch.answerRows]).toEqual([3, 13]);
    expect([...batch.answerTargets]).toEqual([4, 4]);
  });

  it('cut what is too long', () => {
    expect(texts[3]).toEqual({ ids: [0, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2], answers: [] });
  });

  it('visit every text of a group once', () => {
    const rows = Array.from({ length: 32 }, (_, at) => ({ ids: [0, at + 1], answers: [] }));
    const seen = Array.from({ length: 16 }, (_, step) => [
      ...batchOfStep(rows, step, { batch: 2, seed: 5 }).targets,
    ]).flat();
    expect(seen.sort((a, b) => a - b)).toEqual(rows.map((row) => row.ids[1]));
  });
});

describe('pretrain', () => {
  it('learns, and writes a model that the reader of checkpoints takes', async () => {
    const folder = temporaryFolder();
    const before = tensorMemory().numTensors;
    const counts: number[] = [];
    const records = await pretrain(job(folder), {
      ...alone,
      stepped: () => counts.push(tensorMemory().numTensors),
    });
    expect(records[0]!.loss).toBeCloseTo(Math.log(8), 0);
    expect(records.at(-1)!.loss).toBeLessThan(1);
    expect(new Set(counts).size).toBe(1);
    expect(tensorMemory().numTensors).toBe(before);
    const model = await loadModel(join(folder, 'model'), {
      from: 0,
      to: 2,
      embedding: true,
      head: true,
    });
    const h = forwardBlocks(model, embed(model, Int32Array.of(0, 1, 2, 3)), {
      batch: 1,
      length: 4,
    });
    const logits = (await headLogits(model, h).data()) as Float32Array;
    const after = [1, 2, 3].map((row) => best(logits.subarray(row * 8, row * 8 + 8)));
    expect(after).toEqual([2, 3, 1]);
    model.dispose();
  });

  it('gives the same bytes when killed and resumed as when left alone', async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    await pretrain(job(one), alone);
    let state: Uint8Array | undefined;
    const dying: PretrainHooks = {
      ...alone,
      saveDue: () => true,
      save: (bytes) => {
        state = Uint8Array.from(bytes);
      },
      stepped: ({ step }) => {
        if (step === 23) throw new Error('killed');
      },
    };
    await expect(pretrain(job(two), dying)).rejects.toThrow('killed');
    await pretrain(job(two), { ...alone, saved: state });
    const weights = [one, two].map((at) => readFileSync(join(at, 'model', 'model.safetensors')));
    expect(weights[0]!.equals(weights[1]!)).toBe(true);
  });
});

function best(values: Float32Array): number {
  return values.indexOf(Math.max(...values));
}
