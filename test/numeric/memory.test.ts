/**
 * The memory against PyTorch: loss, the gradient of every tensor of every memory, and ten steps of
 * three optimisers, with the base model frozen.
 */
import { memory, type Scalar, tidy } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import {
  type Adapter,
  crossEntropy,
  embed,
  forwardBlocks,
  loadModel,
  type Model,
} from '../../src/lm/model.ts';
import {
  createLayer,
  layerShapes,
  layerValues,
  type MemoryLayer,
} from '../../src/memory/adapter/layer.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';
import { gatherRows } from '../../src/tensor/gather-rows.ts';
import {
  createOptimizer,
  lossAndGradients,
  type TrainedVariable,
} from '../../src/tensor/optimizer.ts';
import { learningRateAt } from '../../src/tensor/schedule.ts';
import { BACKENDS, missing, useBackend } from './backends.ts';
import { type Fixture, MODELS, readFixture, relativeError } from './fixture.ts';

const GRADIENT_TOLERANCE = 1e-4;

/** The memories of a fixture as they start, by block. */
function createMemories({ folder, tensors, reference }: Fixture): Map<number, MemoryLayer> {
  const config = {
    width: readModelConfig(folder).hidden,
    hidden: reference.memoryHidden,
    gateInit: 1,
    norm: true,
    normEps: reference.memoryNormEpsilon,
  };
  return new Map(
    reference.memoryBlocks.map((block) => {
      const values = [...layerShapes(config)].map(([name, shape]) => {
        const data = tensors.read(`memory.${block}.${name}`);
        return [name, { shape, data }] as const;
      });
      return [block, createLayer(config, new Map(values))];
    }),
  );
}

function trainedOf(memories: ReadonlyMap<number, MemoryLayer>): TrainedVariable[] {
  return [...memories].flatMap(([block, { variables }]) =>
    [...variables].map(([name, variable]) => ({
      name: `${block}.${name}`,
      variable,
      decays: true,
    })),
  );
}

function lossOf(
  model: Model,
  memories: ReadonlyMap<number, MemoryLayer>,
  fixture: Fixture,
): Scalar {
  const { flatIds, batch, length, rows, targets } = fixture;
  const adapters = new Map([...memories].map(([i, { apply }]): [number, Adapter] => [i, apply]));
  return tidy(() => {
    const h = forwardBlocks(model, embed(model, flatIds), { batch, length, adapters });
    return crossEntropy(model, gatherRows(h, rows), targets);
  });
}

describe.skipIf(missing).each(BACKENDS)('on %s', (backend) => {
  beforeAll(async () => {
    await useBackend(backend);
  });

  describe.each(MODELS)('%s', (name) => {
    const fixture = readFixture(name);
    const { folder, tensors, reference } = fixture;
    const { layers } = readModelConfig(folder);
    let model: Model;
    beforeAll(async () => {
      model = await loadModel(folder, { from: 0, to: layers, embedding: true, head: true });
    });
    afterAll(() => model.dispose());

    it('places the memories where PyTorch had them', () => {
      const { from, to } = memoryBlocks(layers);
      expect(reference.memoryBlocks).toEqual(Array.from({ length: to - from }, (_, i) => from + i));
    });

    it('computes the loss and the gradient of every memory tensor', async () => {
      const memories = createMemories(fixture);
      const trained = trainedOf(memories);
      const run = () => lossOf(model, memories, fixture);
      const { loss, gradients } = await lossAndGradients(trained, run);
      expect(loss).toBeCloseTo(reference.memoryLoss, 5);
      for (const [index, { name, variable }] of trained.entries()) {
        const expected = tensors.read(`memoryGradient.${name}`);
        const [rows, columns] = tensors.shape(`memoryGradient.${name}`);
        const ours = gradients[index]!;
        const actual = variable.rank === 2 ? transpose(ours, columns!, rows!) : ours;
        expect(relativeError(actual, expected), name).toBeLessThan(GRADIENT_TOLERANCE);
      }
      for (const layer of memories.values()) layer.dispose();
    });

    const runs = reference.training.map((run, number) => ({ ...run, number }));
    // The others are slow; there one run of one model shows that the steps do not depend on the backend.
    const compared = backend === 'wasm' ? runs : runs.slice(0, name === 'llama-gqa' ? 1 : 0);
    it.each(compared)(
      'takes ten steps as $name with decay $weightDecay, clipped at $clip',
      async (run) => {
        const memories = createMemories(fixture);
        const [beta1, beta2] = reference.betas;
        const optimizer = await createOptimizer(trainedOf(memories), {
          kind: run.name,
          beta1,
          beta2,
          epsilon: reference.epsilon,
          weightDecay: run.weightDecay,
          clipNorm: run.clip,
        });
        const { learningRate: peak, warmup: warmupSteps, steps: totalSteps } = reference.schedule;
        const held = memory().numTensors;
        for (let step = 0; step < totalSteps; step++) {
          const rate = learningRateAt(step, { peak, warmupSteps, totalSteps });
          expect(rate).toBeCloseTo(run.learningRates[step]!, 12);
          const result = await optimizer.step(() => lossOf(model, memories, fixture), rate);
          expect(result.loss).toBeCloseTo(run.losses[step]!, 4);
          expect(Math.abs(result.gradNorm / run.gradientNorms[step]! - 1)).toBeLessThan(1e-3);
        }
        expect(memory().numTensors).toBe(held);
        for (const [block, layer] of memories) {
          for (const [key, { data }] of await layerValues(layer)) {
            const expected = tensors.read(`trained.${run.number}.${block}.${key}`);
            expect(relativeError(data, expected), key).toBeLessThan(1e-4);
          }
          layer.dispose();
        }
      },
    );
  });
});

/** The fixtures hold matrices PyTorch's way, (out, in); ours are (in, out). */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(values, (_, i) => {
    const [row, column] = [i % rows, Math.floor(i / rows)];
    return values[row * columns + column]!;
  });
}
