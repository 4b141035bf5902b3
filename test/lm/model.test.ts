import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memory, mul, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generateGreedy } from '../../src/lm/generate.ts';
import {
  type Adapter,
  embed,
  forwardBlocks,
  headLogits,
  loadModel,
  type Model,
} from '../../src/lm/model.ts';
import { exportParameters } from '../../src/lm/weights/parameters.ts';
import { openWeights } from '../../src/lm/weights/safetensors.ts';
import { writeSafetensors } from '../../src/lm/weights/write-safetensors.ts';
import { startBackend } from '../../src/tensor/backend.ts';

const fixture = (name: string): string => join(import.meta.dirname, '..', 'fixtures', name);
const ids = Int32Array.of(5, 9, 17, 30, 44, 8, 101, 77);
const whole = { from: 0, to: 5, embedding: true, head: true };

beforeAll(async () => {
  await startBackend('wasm');
});

describe('a part of a model', () => {
  it('holds only its own tensors, and frees them', async () => {
    const before = memory().numTensors;
    const model = await loadModel(fixture('neox-parallel'), {
      from: 3,
      to: 4,
      embedding: false,
      head: false,
    });
    const names = model.parameters.flatMap(({ names }) => names);
    expect(names).toHaveLength(12);
    expect(names.every((name) => name.startsWith('gpt_neox.layers.3.'))).toBe(true);
    expect(() => embed(model, ids)).toThrow('without its embedding');
    expect(() => headLogits(model, tensor2d([[1]]))).toThrow('without its head');
    model.dispose();
    expect(memory().numTensors - before).toBe(1); // The tensor in the line above.
  });

  it('computes, part after part, what the whole computes', async () => {
    const folder = fixture('llama-gqa');
    const all = await loadModel(folder, whole);
    const call = { batch: 2, length: 4 };
    const expected = await forwardBlocks(all, embed(all, ids), call).data();
    let h = embed(all, ids);
    for (const [from, to] of [
      [0, 2],
      [2, 3],
      [3, 5],
    ] as const) {
      const part = await loadModel(folder, { from, to, embedding: false, head: false });
      h = forwardBlocks(part, h, call);
      part.dispose();
    }
    expect(await h.data()).toEqual(expected);
    all.dispose();
  });

  it('refuses blocks that the model does not have', async () => {
    const part = { ...whole, to: 6 };
    await expect(loadModel(fixture('llama-gqa'), part)).rejects.toThrow('of a model with 5');
  });
});

describe('a whole model', () => {
  let model: Model;
  beforeAll(async () => {
    model = await loadModel(fixture('neox-parallel'), whole);
  });
  afterAll(() => model.dispose());

  it('does not let what follows a token change it, so that padding is harmless', async () => {
    const short = forwardBlocks(model, embed(model, ids.subarray(0, 5)), { batch: 1, length: 5 });
    const long = forwardBlocks(model, embed(model, ids), { batch: 1, length: 8 });
    const head = (await long.data()).subarray(0, short.size);
    const values = await short.data();
    for (let i = 0; i < values.length; i++) expect(values[i]).toBeCloseTo(head[i]!, 5);
  });

  it('applies an adapter to the output of its block and to no other', async () => {
    const double: Adapter = (h) => mul(h, 2);
    const call = { batch: 1, length: 8 };
    const upTo = (to: number, adapters?: ReadonlyMap<number, Adapter>) =>
      forwardBlocks(model, embed(model, ids), { ...call, to, ...(adapters ? { adapters } : {}) });
    const adapters = new Map([[2, double]]);
    expect(await upTo(2, adapters).data()).toEqual(await upTo(2).data());
    expect(await upTo(3, adapters).data()).toEqual((await upTo(3).data()).map((x) => 2 * x));
  });

  it('takes memory for the result only', async () => {
    const h = embed(model, ids);
    forwardBlocks(model, h, { batch: 1, length: 8 }).dispose();
    const before = memory().numTensors;
    const result = forwardBlocks(model, h, { batch: 1, length: 8 });
    expect(memory().numTensors).toBe(before + 1);
    result.dispose();
    h.dispose();
  });

  it('stops generating where it is told to', async () => {
    const stop = (generated: readonly number[]) => generated.length === 2;
    expect(await generateGreedy(model, [...ids], { maxTokens: 9, stop })).toHaveLength(2);
    expect(await generateGreedy(model, [...ids], { maxTokens: 0 })).toEqual([]);
    await expect(generateGreedy(model, [], { maxTokens: 1 })).rejects.toThrow('at least one token');
  });

  it('names a token that its vocabulary does not have', () => {
    expect(() => embed(model, Int32Array.of(131))).toThrow('token 131 in a vocabulary of 131');
  });
});

it('brings trainable weights back in the layout they were read in', async () => {
  for (const name of ['neox-sequential', 'llama-mqa']) {
    const source = openWeights(fixture(name));
    const to = name === 'llama-mqa' ? 5 : 7;
    const model = await loadModel(fixture(name), { ...whole, to, trainable: true });
    const found = new Map<string, Float32Array>();
    for (const { name, shape, data } of await exportParameters(model.parameters)) {
      expect(shape).toEqual(source.shape(name));
      found.set(name, data);
    }
    expect([...found.keys()].sort()).toEqual(source.names().sort());
    for (const [name, data] of found) expect(data).toEqual(source.read(name));
    model.dispose();
  }
});

describe('a checkpoint that does not fit its config', () => {
  it('is refused with the tensor, both shapes and the file, and leaves no tensor behind', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'model-'));
    const config = readFileSync(join(fixture('neox-parallel'), 'config.json'), 'utf8');
    const wider = config.replace('"intermediate_size": 88', '"intermediate_size": 96');
    expect(wider).not.toBe(config);
    writeFileSync(join(folder, 'config.json'), wider);
    const source = openWeights(fixture('neox-parallel'));
    const tensors = source.names().map((name) => {
      return { name, shape: source.shape(name), data: source.read(name), dtype: 'F32' as const };
    });
    writeSafetensors(join(folder, 'model.safetensors'), tensors);
    const before = memory().numTensors;
    await expect(loadModel(folder, whole)).rejects.toThrow(
      `${join(folder, 'model.safetensors')}: tensor "gpt_neox.layers.0.mlp.dense_h_to_4h.weight" ` +
        'is [88,32], but config.json asks for [96,32]',
    );
    expect(tidy(() => memory().numTensors)).toBe(before);
    rmSync(folder, { recursive: true });
  });
});
