import { memory as tensorMemory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { batchLoss } from '../../src/memory/batch-loss.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { createOptimizer, lossAndGradients } from '../../src/tensor/optimizer.ts';
import { learningRateAt } from '../../src/tensor/schedule.ts';
import { type Case, loadCase, type TrainingReference } from './reference.ts';

const names = ['neox-parallel', 'neox-sequential', 'llama-gqa', 'llama-mha-tied'];

/** The largest difference, as a share of the largest value. */
function difference(found: Float32Array, expected: Float32Array): number {
  expect(found.length).toBe(expected.length);
  const largest = Math.max(...expected.map(Math.abs), 1e-12);
  return Math.max(...found.map((value, index) => Math.abs(value - expected[index]!))) / largest;
}

describe.each(names)('a memory on %s, against PyTorch', (name) => {
  let given: Case;
  beforeAll(async () => {
    await startBackend('wasm');
    given = await loadCase(name);
  });
  afterAll(() => given.model.dispose());

  it('has its loss and every gradient', async () => {
    const { model, batch, reference, tensors } = given;
    const memory = given.memory();
    const trained = memory.trained('all');
    const { loss, gradients } = await lossAndGradients(trained, () =>
      batchLoss({ model, memory }, batch),
    );
    expect(loss).toBeCloseTo(reference.memoryLoss, 5);
    trained.forEach(({ name, variable }, index) => {
      const expected = tensors.read(name.replace('blocks.', 'memoryGradient.'));
      const found = matrixOrder(gradients[index]!, variable.shape);
      expect(difference(found, expected), name).toBeLessThan(2e-5);
    });
    memory.dispose();
  });

  it.each([0, 1, 2])('descends as it does, run %i', async (run) => {
    const { model, batch, reference, tensors } = given;
    const expected = reference.training[run]!;
    const memory = given.memory();
    const optimizer = await createOptimizer(memory.trained('all'), adamOf(expected));
    const { learningRate: peak, warmup: warmupSteps, steps: totalSteps } = reference.schedule;
    let tensorsAfterFirst = 0;
    for (let step = 0; step < totalSteps; step++) {
      const rate = learningRateAt(step, { peak, warmupSteps, totalSteps });
      expect(rate).toBeCloseTo(expected.learningRates[step]!, 10);
      const { loss, gradNorm } = await optimizer.step(
        () => batchLoss({ model, memory }, batch),
        rate,
      );
      expect(loss).toBeCloseTo(expected.losses[step]!, 4);
      expect(gradNorm / expected.gradientNorms[step]!).toBeCloseTo(1, 3);
      if (step === 0) tensorsAfterFirst = tensorMemory().numTensors;
    }
    expect(tensorMemory().numTensors).toBe(tensorsAfterFirst);
    for (const [name, { data }] of await memory.values()) {
      const after = tensors.read(name.replace('blocks.', `trained.${run}.`));
      expect(difference(data, after), name).toBeLessThan(2e-3);
    }
    memory.dispose();
  });
});

function adamOf({ name: kind, weightDecay, clip: clipNorm }: TrainingReference) {
  return { kind, weightDecay, clipNorm, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
}

/** A gradient of an (in, out) variable in PyTorch's (out, in) order. */
function matrixOrder(gradient: Float32Array, shape: number[]): Float32Array {
  if (shape.length < 2) return gradient;
  const [inputs, outputs] = shape as [number, number];
  return gradient.map((_, at) => gradient[(at % inputs) * outputs + Math.floor(at / inputs)]!);
}
