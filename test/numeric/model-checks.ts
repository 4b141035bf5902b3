/**
 * What a model has to compute, held against PyTorch's frozen numbers, however its weights are laid out.
 * Knows no backend.
 */
import { type Tensor, tidy, type Variable, variableGrads } from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { crossEntropy, embed, forwardBlocks, headLogits, type Model } from '../../src/lm/model.ts';
import { exportParameters, type Parameter } from '../../src/lm/weights/parameters.ts';
import { gatherRows } from '../../src/tensor/gather-rows.ts';
import { type Fixture, relativeError } from './fixture.ts';

export const LOGIT_TOLERANCE = 1e-5;
const GRADIENT_TOLERANCE = 1e-4;

export async function expectLogits(model: Model, fixture: Fixture): Promise<void> {
  const { batch, length, flatIds, tensors } = fixture;
  const logits = tidy(() => {
    return headLogits(model, forwardBlocks(model, embed(model, flatIds), { batch, length }));
  });
  const error = relativeError(await logits.data(), tensors.read('logits'));
  expect(error).toBeLessThan(LOGIT_TOLERANCE);
  logits.dispose();
}

/** Of a trainable model: the loss, and the gradient of every weight. */
export async function expectGradients(model: Model, fixture: Fixture): Promise<void> {
  const { reference, tensors } = fixture;
  const { value, grads } = variableGrads(() => lossOf(model, fixture), [...model.variables]);
  expect((await value.data())[0]).toBeCloseTo(reference.loss, 5);
  const gradientOf = ({ tensor }: Parameter) => grads[(tensor as Variable).name] as Tensor;
  const gradients = await exportParameters(model.parameters, gradientOf);
  for (const { name, data } of gradients) {
    const error = relativeError(data, tensors.read(`gradient.${name}`));
    expect(error, name).toBeLessThan(GRADIENT_TOLERANCE);
  }
  const expected = tensors.names().filter((key) => key.startsWith('gradient.'));
  expect(gradients).toHaveLength(expected.length);
}

function lossOf(model: Model, { flatIds, batch, length, rows, targets }: Fixture) {
  const h = forwardBlocks(model, embed(model, flatIds), { batch, length });
  return crossEntropy(model, gatherRows(h, rows), targets);
}
