/** Long trainings leave nothing behind on the backend; accumulated gradients are PyTorch's. */
import { join } from 'node:path';
import { memory as tensorMemory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../src/lm/model.ts';
import type { Trunk, TrunkText } from '../../src/lm/trunk/trunk.ts';
import type { Batch } from '../../src/memory/batch.ts';
import { batchLoss } from '../../src/memory/batch-loss.ts';
import { initialMemory, type MemorySettings } from '../../src/memory/initial.ts';
import { type TrainingOptions, trainMemory } from '../../src/memory/train.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { accumulate, createOptimizer } from '../../src/tensor/optimizer.ts';
import { loadCase } from './reference.ts';
import { temporaryFolder, writeTinyModel } from './tiny-model.ts';

let folder: string;
beforeAll(async () => {
  await startBackend('wasm');
  folder = writeTinyModel(join(temporaryFolder(), 'model'));
});

const texts: readonly TrunkText[] = [5, 7, 6, 9].map((length, at) => ({
  source: 'doc',
  page: `page ${at}`,
  ids: Array.from({ length }, (_, index) => 3 * index + at),
  supervisedFrom: 0,
}));

const trunk: Trunk = {
  index: { format: 1, from: 3, hidden: 16, ids: '', count: 4, rows: 27 },
  texts,
  readStates: (text: number) =>
    Float32Array.from({ length: 16 * texts[text]!.ids.length }, (_, at) => Math.sin(at + text)),
  close: () => undefined,
} as unknown as Trunk;

const adam = {
  kind: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.05,
  clipNorm: 10,
} as const;

const options: Omit<TrainingOptions, 'epochs' | 'accumulate'> = {
  batch: 2,
  learningRate: 1e-3,
  warmupSteps: 10,
  schedule: 'cosine',
  adam,
  decay: 'all',
  loss: 'all',
  earlyStop: { patience: 600, minDelta: 0 },
  visits: { doc: 1, temp: 1 },
  order: 'shuffled',
  seed: 0,
};

const settings: Omit<MemorySettings, 'kind'> = {
  hidden: 8,
  gateInit: 1,
  norm: true,
  rank: 2,
  trainHead: true,
};

describe('the number of tensors', () => {
  it.each([
    ['adapter', 1000, 1],
    ['lora', 200, 2],
    ['full', 100, 2],
  ] as const)(
    'stays the same while a memory of kind %s takes %i steps',
    async (kind, steps, parts) => {
      const place = { model: folder, blocks: { from: 3, to: 4 }, seed: 0 };
      const memory = initialMemory({ ...settings, kind }, place);
      const from = kind === 'full' ? 5 : 3;
      const model = await loadModel(folder, { from, to: 5, embedding: false, head: true });
      const counts: number[] = [];
      const hooks = {
        saved: undefined,
        saveDue: () => counts.length % 100 === 0,
        save: () => undefined,
        stepped: () => counts.push(tensorMemory().numTensors),
      };
      const epochs = parts === 1 ? steps / 2 : steps;
      const given = { ...options, accumulate: parts, epochs };
      await trainMemory({ model, memory, trunk, candidate: 'doc', options: given }, hooks);
      expect(counts).toHaveLength(steps);
      expect(new Set(counts).size).toBe(1);
      memory.dispose();
      model.dispose();
    },
  );
});

describe('accumulated gradients', () => {
  it.each(['neox-parallel', 'llama-gqa'])(
    'are those of PyTorch for the whole batch, %s',
    async (name) => {
      const { model, batch, reference, tensors, memory: fresh } = await loadCase(name);
      const memory = fresh();
      const trained = memory.trained('all');
      const parts = [textsOf(batch, 0, 2), textsOf(batch, 2, 3)];
      expect(parts[0]!.rows.length).not.toBe(parts[1]!.rows.length);
      const { loss, gradients } = await accumulate(
        trained,
        parts.map((part) => ({
          weight: part.rows.length / batch.rows.length,
          lossOf: () => batchLoss({ model, memory }, part),
        })),
      );
      expect(loss).toBeCloseTo(reference.memoryLoss, 5);
      const optimizer = await createOptimizer(trained, adam);
      optimizer.setValues(gradients);
      for (const [parameter, { data }] of await memory.values()) {
        const expected = tensors.read(parameter.replace('blocks.', 'memoryGradient.'));
        const largest = Math.max(...expected.map(Math.abs));
        data.forEach((value, at) => {
          expect(Math.abs(value - expected[at]!) / largest, parameter).toBeLessThan(2e-5);
        });
      }
      memory.dispose();
      model.dispose();
    },
  );
});

/** Texts `[from, to)` of a batch, as a batch. */
function textsOf(batch: Batch, from: number, to: number): Batch {
  const { length, states, rows, targets } = batch;
  const width = states.length / (batch.texts * length);
  const kept = [...rows.keys()].filter(
    (at) => rows[at]! >= from * length && rows[at]! < to * length,
  );
  return {
    texts: to - from,
    length,
    states: states.slice(from * length * width, to * length * width),
    rows: Int32Array.from(kept, (at) => rows[at]! - from * length),
    targets: Int32Array.from(kept, (at) => targets[at]!),
  };
}
