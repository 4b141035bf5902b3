/**
 * LoRA and full fine-tuning against PyTorch: losses, logits and every gradient, on both families,
 * tied and untied heads, grouped queries, sequential and parallel blocks.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory as tensorMemory, tidy } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import { embed, forwardBlocks, headLogits, loadModel } from '../../src/lm/model.ts';
import { completeContexts } from '../../src/lm/scoring/complete.ts';
import { scoreQuestions } from '../../src/lm/scoring/score.ts';
import { openWeights } from '../../src/lm/weights/safetensors.ts';
import { noteMemory } from '../../src/memory/adapter/config.ts';
import { initialAdapter } from '../../src/memory/adapter/memory.ts';
import { batchLoss } from '../../src/memory/batch-loss.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';
import { loadMemory, saveMemory } from '../../src/memory/files.ts';
import { initialFull } from '../../src/memory/full/memory.ts';
import { initialMemory, type MemorySettings } from '../../src/memory/initial.ts';
import { loraConfig, loraParameters } from '../../src/memory/lora/config.ts';
import { initialLora, storedLora } from '../../src/memory/lora/memory.ts';
import type { Memory, MemoryValues } from '../../src/memory/memory.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { createOptimizer, lossAndGradients } from '../../src/tensor/optimizer.ts';
import { type Case, loadCase } from './reference.ts';
import { temporaryFolder } from './tiny-model.ts';

const names = [
  'neox-parallel',
  'neox-sequential',
  'neox-tanh-nobias',
  'llama-mha-tied',
  'llama-gqa',
  'llama-mqa',
];
const fixture = (name: string) => join(import.meta.dirname, '..', 'fixtures', name);

describe.each(names)('on %s, against PyTorch,', (name) => {
  let given: Case;
  beforeAll(async () => {
    await startBackend('wasm');
    given = await loadCase(name);
  });
  afterAll(() => given.model.dispose());

  it('LoRA has its logits, its loss and every gradient', async () => {
    const { model, batch, reference } = given;
    const expected = openWeights(fixture(name), 'lora.safetensors');
    const { rank, loss } = readJson(join(fixture(name), 'lora.json'));
    const config = loraConfig(model.config, { rank, parameters: 0 });
    const read = (tensor: string) => expected.read(tensor.replace('blocks.', 'lora.'));
    const memory = storedLora(config, memoryBlocks(model.config.layers), read);
    expect(difference(await logitsOf(given, memory), expected.read('loraLogits'))).toBeLessThan(
      1e-5,
    );
    const found = await gradientsOf(given, memory);
    expect(found.loss).toBeCloseTo(loss, 5);
    expect(found.gradients.size).toBe(8 * reference.memoryBlocks.length);
    for (const [tensor, { data, shape }] of found.gradients) {
      const truth = tensor.replace('blocks.', 'loraGradient.');
      expect(shape, tensor).toEqual(expected.shape(truth));
      expect(difference(data, expected.read(truth)), tensor).toBeLessThan(2e-5);
    }
    expect(batch.rows.length).toBe(reference.supervised.length);
    memory.dispose();
  });

  it('full fine-tuning has its loss and every gradient from the first block to the head', async () => {
    const { model, reference, tensors } = given;
    const shape = readModelConfig(fixture(name));
    const { from } = memoryBlocks(shape.layers);
    const memory = initialFull(fixture(name), { model: shape, head: true }, from);
    const { loss, gradients } = await gradientsOf(given, memory);
    expect(loss).toBeCloseTo((reference as unknown as { loss: number }).loss, 5);
    const wanted = tensors.names().flatMap((tensor) => {
      const block = Number(/^gradient\..*layers\.(\d+)\./.exec(tensor)?.[1] ?? Number.NaN);
      const top = /^gradient\.(.*final_layer_norm|model\.norm)\./.test(tensor);
      const head = /^gradient\.(embed_out|lm_head)\.weight$/.test(tensor) && !shape.tiedHead;
      return block >= from || top || head ? [tensor.replace('gradient.', '')] : [];
    });
    expect([...gradients.keys()].sort()).toEqual(wanted.sort());
    for (const [tensor, { data }] of gradients) {
      expect(difference(data, tensors.read(`gradient.${tensor}`)), tensor).toBeLessThan(5e-5);
    }
    expect(model.variables).toEqual([]);
    memory.dispose();
  });
});

const settings: MemorySettings = {
  kind: 'adapter',
  hidden: 128,
  gateInit: 1,
  norm: true,
  rank: 0,
  trainHead: true,
};

describe('an untrained memory', () => {
  it.each(['lora', 'full'] as const)('of kind %s is an identity, bit by bit', async (kind) => {
    for (const name of ['neox-parallel', 'llama-gqa']) {
      const given = await loadCase(name);
      const blocks = memoryBlocks(given.model.config.layers);
      const place = { model: fixture(name), blocks, seed: 3 };
      const memory = initialMemory({ ...settings, kind }, place);
      const plain = await logitsOf(given, undefined);
      expect(Buffer.from((await logitsOf(given, memory)).buffer)).toEqual(
        Buffer.from(plain.buffer),
      );
      memory.dispose();
      given.model.dispose();
    }
  });

  it.each(['adapter', 'lora', 'full'] as const)(
    'of kind %s comes back from its files',
    async (kind) => {
      const place = { model: fixture('llama-gqa'), blocks: { from: 3, to: 4 }, seed: 3 };
      const memory = initialMemory({ ...settings, kind }, place);
      const folder = join(temporaryFolder(), kind);
      await saveMemory(memory, folder);
      const before = tensorMemory().numTensors;
      const loaded = await loadMemory(folder);
      expect(await loaded.values()).toEqual(await memory.values());
      expect([loaded.kind, loaded.blocks, loaded.parameters, loaded.config]).toEqual([
        kind,
        memory.blocks,
        memory.parameters,
        memory.config,
      ]);
      loaded.dispose();
      expect(tensorMemory().numTensors).toBe(before);
      memory.dispose();
    },
  );
});

describe('the rank of LoRA', () => {
  /** Shapes of the note's models, without their weights. */
  const neox = (hidden: number) =>
    ({
      family: 'neox',
      hidden,
      heads: 8,
      kvHeads: 8,
      headDim: hidden / 8,
      intermediate: 4 * hidden,
    }) as const;
  const llama = (hidden: number, intermediate: number) =>
    ({
      family: 'llama',
      hidden,
      heads: 32,
      kvHeads: 32,
      headDim: hidden / 32,
      intermediate,
    }) as const;

  it.each([
    ['Pythia 70m', neox(512), 16, 131_072],
    ['Pythia 12b', neox(5120), 16, 1_310_720],
    ['Llama 2 7b', llama(4096, 11_008), 16, 1_052_672],
    ['Llama 2 13b', llama(5120, 13_824), 16, 1_318_912],
  ])('gives %s as many parameters as an adapter has, within 2 %%', (_, shape, rank, count) => {
    const parameters = 259 * shape.hidden + 129;
    const config = loraConfig(shape as unknown as Parameters<typeof loraConfig>[0], {
      rank: 0,
      parameters,
    });
    expect([config.rank, loraParameters(config)]).toEqual([rank, count]);
    expect(Math.abs(count / parameters - 1)).toBeLessThan(0.02);
  });
});

describe('memories of three kinds, scored together', () => {
  it('score as each does alone, above one shared trunk', async () => {
    const folder = fixture('llama-gqa');
    const whole = { from: 0, to: 5, embedding: true, head: true };
    const model = await loadModel(folder, whole);
    const blocks = memoryBlocks(5);
    const place = { model: folder, blocks, seed: 1 };
    const config = loraConfig(model.config, { rank: 2, parameters: 0 });
    const kinds = [
      initialAdapter({ ...noteMemory, hidden: 8, width: 40 }, blocks, 1),
      initialLora(config, blocks, 1),
      initialMemory({ ...settings, kind: 'full' }, place),
      initialMemory({ ...settings, kind: 'full' }, { ...place, blocks: { from: 0, to: 1 } }),
    ];
    for (const memory of kinds.slice(1)) await stir(memory);
    const questions = [
      { context: [5, 6, 7, 8], continuations: [[9], [10, 11]] },
      { context: [5, 6, 7, 12, 13], continuations: [[9], [10, 11]] },
    ];
    const asCame = { adapters: new Map() };
    const adapted = kinds.map((memory) => memory.on(model));
    const before = tensorMemory().numTensors;
    const together = await scoreQuestions(model, questions, [asCame, ...adapted], { batch: 48 });
    expect(tensorMemory().numTensors).toBe(before);
    for (const [at, candidate] of [asCame, ...adapted].entries()) {
      const { model: view = model, adapters } = candidate as (typeof adapted)[number];
      for (const [index, { context, continuations }] of questions.entries()) {
        for (const [choice, tail] of continuations.entries()) {
          const alone = await logLikelihood({ view, adapters }, context, tail);
          expect(together[at]!.logLikelihoods[index]![choice]).toBeCloseTo(alone, 4);
        }
      }
    }
    const changes = together.map(({ maxAbsLogitDeltas }) => Math.min(...maxAbsLogitDeltas) > 0.01);
    expect(changes).toEqual([false, true, true, true, true]);
    const untrained = initialLora(config, blocks, 1);
    const [, effectless] = await scoreQuestions(model, questions, [asCame, untrained.on(model)], {
      batch: 48,
    });
    expect(effectless!.maxAbsLogitDeltas).toEqual([0, 0]);
    for (const memory of [...kinds, untrained]) memory.dispose();
    model.dispose();
  });
});

describe('a memory that reaches inside of blocks', () => {
  it.each(['lora', 'full'] as const)('(%s) takes part in generation too', async (kind) => {
    const folder = fixture('neox-sequential');
    const model = await loadModel(folder, { from: 0, to: 7, embedding: true, head: true });
    const place = { model: folder, blocks: memoryBlocks(7), seed: 1 };
    const memory = initialMemory({ ...settings, kind, rank: 2 }, place);
    await stir(memory);
    const { model: view, adapters } = memory.on(model);
    const options = { adapters, maxTokens: 6, stop: () => false };
    // The contexts begin alike, so that a shared prefix is part of the way.
    const contexts = [
      [5, 6, 7, 8],
      [5, 6, 9],
    ];
    const completions = await completeContexts(view, contexts, options);
    const plain = await completeContexts(model, contexts, { ...options, adapters: new Map() });
    for (const [at, context] of contexts.entries()) {
      const ids = [...context];
      while (ids.length < context.length + 6) ids.push(await likeliest(view, ids));
      expect(completions[at]!.ids).toEqual(ids.slice(context.length));
      expect(completions[at]!.firstLogits).not.toEqual(plain[at]!.firstLogits);
    }
    memory.dispose();
    model.dispose();
  });
});

/** The whole text through the whole model, for one token. */
async function likeliest(model: Case['model'], ids: readonly number[]): Promise<number> {
  const logits = tidy(() => {
    const h = forwardBlocks(model, embed(model, Int32Array.from(ids)), {
      batch: 1,
      length: ids.length,
    });
    return headLogits(model, h);
  });
  const values = (await logits.data()) as Float32Array;
  const last = Array.from(values.subarray((ids.length - 1) * model.config.vocab));
  logits.dispose();
  return last.indexOf(Math.max(...last));
}

/** Moves every value a little, each on its own, so that nothing is an identity any more. */
async function stir(memory: Memory): Promise<void> {
  const optimizer = await createOptimizer(memory.trained('all'), adam);
  optimizer.setValues(
    optimizer.values().map((values) => values.map((value, at) => value + 0.05 * Math.sin(at))),
  );
}

const adam = {
  kind: 'adam',
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: 10,
} as const;

type View = Pick<ReturnType<Memory['on']>, 'adapters'> & { view: Case['model'] };

/** The whole text through the whole model, without anything shared. */
async function logLikelihood(
  { view, adapters }: View,
  context: readonly number[],
  tail: readonly number[],
): Promise<number> {
  const ids = Int32Array.from([...context, ...tail]);
  const logits = tidy(() => {
    const options = { batch: 1, length: ids.length, adapters };
    return headLogits(view, forwardBlocks(view, embed(view, ids), options));
  });
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  const { vocab } = view.config;
  return tail.reduce((sum, token, at) => {
    const row = values.subarray((context.length + at - 1) * vocab, (context.length + at) * vocab);
    const total = row.reduce((all, value) => all + Math.exp(value), 0);
    return sum + row[token]! - Math.log(total);
  }, 0);
}

async function logitsOf(
  { model, reference }: Case,
  memory: Memory | undefined,
): Promise<Float32Array> {
  const { ids } = reference;
  const options = { batch: ids.length, length: ids[0]!.length };
  const { model: view, adapters } = memory?.on(model) ?? { model, adapters: new Map() };
  const logits = tidy(() => {
    const h = embed(model, Int32Array.from(ids.flat()));
    return headLogits(view, forwardBlocks(view, h, { ...options, adapters }));
  });
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return values.slice();
}

/** Gradients by name in the layout of the file: the memory that has them as values says them so. */
async function gradientsOf(
  { model, batch }: Case,
  memory: Memory,
): Promise<{ loss: number; gradients: MemoryValues }> {
  const trained = memory.trained('all');
  const { loss, gradients } = await lossAndGradients(trained, () =>
    batchLoss({ model, memory }, batch),
  );
  const optimizer = await createOptimizer(trained, adam);
  optimizer.setValues(gradients);
  return { loss, gradients: await memory.values() };
}

/** Largest difference, relative to the largest expected value. */
function difference(found: Float32Array, expected: Float32Array): number {
  const largest = Math.max(...expected.map(Math.abs), 1e-12);
  expect(found.length).toBe(expected.length);
  return Math.max(...found.map((value, index) => Math.abs(value - expected[index]!))) / largest;
}

function readJson(file: string): { rank: number; loss: number } {
  return JSON.parse(readFileSync(file, 'utf8'));
}
