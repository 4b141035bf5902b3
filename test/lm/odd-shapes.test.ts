/**
 * Models of unusual shapes against Transformers, on the backends that are always there: few and many
 * heads, shared key heads, heads wider than the hidden size allows for, odd lengths, batches of one.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Tensor, tidy, type Variable, variableGrads } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import { crossEntropy, embed, forwardBlocks, headLogits, loadModel } from '../../src/lm/model.ts';
import { exportParameters, type Parameter } from '../../src/lm/weights/parameters.ts';
import { openWeights } from '../../src/lm/weights/safetensors.ts';
import { gatherRows } from '../../src/tensor/gather-rows.ts';
import { BACKENDS, missing, useBackend } from '../numeric/backends.ts';
import { relativeError } from '../numeric/fixture.ts';

const root = join(import.meta.dirname, '..', 'fixtures', 'odd-shapes');
const shapes = readdirSync(root).sort();

it('covers nine shapes', () => expect(shapes).toHaveLength(9));

describe.skipIf(missing).each(BACKENDS)('on %s', (backend) => {
  beforeAll(() => useBackend(backend));

  it.each(shapes)('%s: logits, loss and the gradient of every weight', async (name) => {
    const folder = join(root, name);
    const reference = openWeights(folder, 'reference.safetensors');
    const { ids, loss }: { ids: number[][]; loss: number } = JSON.parse(
      readFileSync(join(folder, 'reference.json'), 'utf8'),
    );
    const { layers } = readModelConfig(folder);
    const part = { from: 0, to: layers, embedding: true, head: true };
    const call = { batch: ids.length, length: ids[0]!.length };
    const flat = Int32Array.from(ids.flat());

    const frozen = await loadModel(folder, part);
    const logits = tidy(() => headLogits(frozen, forwardBlocks(frozen, embed(frozen, flat), call)));
    expect(relativeError(await logits.data(), reference.read('logits'))).toBeLessThan(1e-5);
    logits.dispose();
    frozen.dispose();

    const trainable = await loadModel(folder, { ...part, trainable: true });
    const rows = Int32Array.from(flat.keys()).filter((row) => (row + 1) % call.length !== 0);
    const { value, grads } = variableGrads(() => {
      const h = forwardBlocks(trainable, embed(trainable, flat), call);
      return crossEntropy(
        trainable,
        gatherRows(h, rows),
        rows.map((row) => flat[row + 1]!),
      );
    }, [...trainable.variables]);
    expect((await value.data())[0]).toBeCloseTo(loss, 5);
    const gradientOf = ({ tensor }: Parameter) => grads[(tensor as Variable).name] as Tensor;
    const gradients = await exportParameters(trainable.parameters, gradientOf);
    for (const { name, data } of gradients) {
      const error = relativeError(data, reference.read(`gradient.${name}`));
      expect(error, name).toBeLessThan(1e-4);
    }
    expect(gradients).toHaveLength(reference.names().length - 1);
    trainable.dispose();
  });
});
