/** The stage `encode`: what it remembers over changes of the model, and what training makes of its output. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openWeights } from '../../src/lm/weights/safetensors.ts';
import { writeSafetensors } from '../../src/lm/weights/write-safetensors.ts';
import type { Memo } from '../../src/pipe/stage.ts';
import encode from '../../stages/encode.ts';
import train from '../../stages/train.ts';
import { examples, pages, temporaryFolder, writeTinyModel } from '../memory/tiny-model.ts';
import { input, runStage } from '../stages-train/stage-run.ts';

const folder = temporaryFolder();
const lines = (items: readonly object[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('');

/** A tiny model in which the named tensors are not the original's. */
function writeVariant(name: string, changed: RegExp): string {
  const place = writeTinyModel(join(folder, name));
  const source = openWeights(place);
  const tensors = source.names().map((tensor) => ({
    name: tensor,
    shape: source.shape(tensor),
    data: source.read(tensor).map((value) => (changed.test(tensor) ? value + 0.01 : value)),
    dtype: 'F32' as const,
  }));
  writeSafetensors(join(place, 'model.safetensors'), tensors);
  return place;
}

async function encoded(name: string, model: string, params: object = {}, memo?: Memo) {
  const { outputs, notes } = await runStage(encode, {
    folder: join(folder, name),
    inputs: {
      weights: input(model),
      documents: input(join(folder, 'documents.jsonl')),
      examples: input(join(folder, 'examples.jsonl')),
    },
    params: { chunkTokens: 20, chunkOverlap: 4, batch: 3, storage: 'always', ...params },
    ...(memo ? { memo } : {}),
  });
  return { states: outputs.states!, notes };
}

async function trained(name: string, model: string, states: string) {
  const { outputs } = await runStage(train, {
    folder: join(folder, name),
    inputs: { weights: input(model), states: input(states) },
    params: { candidate: 'doctemp', epochs: 2 },
  });
  return {
    memory: readFileSync(join(outputs.memory!, 'memory.safetensors')),
    losses: readFileSync(outputs.metrics!, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).loss as number),
  };
}

function remembering(): { memo: Memo; sets: () => number } {
  const kept = new Map<string, Uint8Array>();
  let sets = 0;
  return {
    sets: () => sets,
    memo: {
      get: (key) => kept.get(key),
      set: (key, value) => {
        sets += 1;
        kept.set(key, Uint8Array.from(value));
      },
    },
  };
}

let model: string;
beforeAll(() => {
  model = writeTinyModel(join(folder, 'model'));
  writeFileSync(join(folder, 'documents.jsonl'), lines(pages));
  writeFileSync(join(folder, 'examples.jsonl'), lines(examples));
});

describe('a changed model', () => {
  it.each([
    ['head', /^embed_out/],
    ['top block', /layers\.[34]\.|final_layer_norm/],
  ])(
    'with another %s needs no forward pass, and its states are the same files',
    async (what, changed) => {
      const { memo, sets } = remembering();
      const first = await encoded(`first ${what}`, model, {}, memo);
      const before = sets();
      const variant = writeVariant(`model with another ${what}`, changed);
      const again = await encoded(`again ${what}`, variant, {}, memo);
      // One record more: which digest these files have below the memory. No states.
      expect(sets() - before).toBe(1);
      for (const file of ['index.json', 'texts.jsonl', 'states.f32', 'weights.json']) {
        const [a, b] = [first, again].map(({ states }) => readFileSync(join(states, file)));
        expect(a!.equals(b!), file).toBe(true);
      }
      // So what was trained on one model's head may go on with the other's states.
      await trained(`train ${what}`, variant, first.states);
    },
  );

  it.each([
    ['embedding', /^gpt_neox\.embed_in/],
    ['block below', /layers\.2\..*dense_4h_to_h\.bias/],
  ])('with another %s is computed anew', async (what, changed) => {
    const { memo, sets } = remembering();
    await encoded(`old ${what}`, model, {}, memo);
    const before = sets();
    const variant = writeVariant(`model with another ${what}`, changed);
    const { states } = await encoded(`new ${what}`, variant, {}, memo);
    const { count } = JSON.parse(readFileSync(join(states, 'index.json'), 'utf8'));
    expect(sets() - before).toBe(1 + count);
    await expect(trained(`refused ${what}`, model, states)).rejects.toThrow('other weights');
  });
});

describe('training on what was encoded', () => {
  it('has the same losses and the same memory whether the states are stored or not', async () => {
    const stored = await encoded('stored', model);
    const bare = await encoded('bare', model, { storage: 'never' });
    expect(bare.notes[0]).toMatch(/^states not stored: 0\.\d MiB, by arithmetic/);
    const [a, b] = [
      await trained('a', model, stored.states),
      await trained('b', model, bare.states),
    ];
    expect(b.losses).toEqual(a.losses);
    expect(b.memory.equals(a.memory)).toBe(true);
  });

  it('has nearly the same losses on states of half precision', async () => {
    const full = await encoded('full', model);
    const half = await encoded('half', model, { dtype: 'F16' });
    expect(half.notes.join('\n')).toMatch(/F16: states rounded by \d\.\de-4 of their size/);
    const [a, b] = [await trained('c', model, full.states), await trained('d', model, half.states)];
    const gaps = a.losses.map((loss, step) => Math.abs(loss - b.losses[step]!));
    expect(Math.max(...gaps)).toBeLessThan(1e-3);
    expect(Math.max(...gaps)).toBeGreaterThan(0);
  });

  it('stores nothing by itself where no block lies below', async () => {
    const location = { fromPercent: 0, toPercent: 20 };
    const { states } = await encoded('shallow', model, { storage: 'auto', location });
    expect(JSON.parse(readFileSync(join(states, 'index.json'), 'utf8')).states).toBe('none');
  });
});
