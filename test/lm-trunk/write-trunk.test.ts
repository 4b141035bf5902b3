/** States computed whole, block by block, resumed, halved and not stored: all the same states. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import { blockBytes, blockParameters, modelParameters } from '../../src/lm/footprint.ts';
import { loadModel } from '../../src/lm/model.ts';
import { computingTrunk } from '../../src/lm/trunk/computing-trunk.ts';
import { openTrunk, type TrunkText } from '../../src/lm/trunk/trunk.ts';
import { judgeTrunk } from '../../src/lm/trunk/trunk-cost.ts';
import { StateRangeError, type TrunkJob, writeTrunk } from '../../src/lm/trunk/write-trunk.ts';
import { openWeights } from '../../src/lm/weights/safetensors.ts';
import { writeSafetensors } from '../../src/lm/weights/write-safetensors.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { temporaryFolder, writeTinyModel } from '../memory/tiny-model.ts';
import { MODELS, readFixture } from '../numeric/fixture.ts';

const folder = temporaryFolder();
const model = join(folder, 'model');
const texts: readonly TrunkText[] = [5, 9, 5, 3, 9, 5, 5].map((length, at) => ({
  source: at % 2 === 0 ? 'doc' : 'temp',
  page: `P${at}`,
  ids: Array.from({ length }, (_, i) => (17 * at + 5 * i) % 200),
  supervisedFrom: 1,
}));
const job: TrunkJob = { modelFolder: model, from: 3, texts, batch: 2 };
const statesOf = (name: string, file = 'states.f32') => readFileSync(join(folder, name, file));

beforeAll(async () => {
  writeTinyModel(model);
  await startBackend('wasm');
  await writeTrunk(join(folder, 'whole'), job);
});

describe('block by block', () => {
  it('gives the same bytes as with all blocks at once', async () => {
    const told: [number, number][] = [];
    const progress = (done: number, total: number) => told.push([done, total]);
    await writeTrunk(join(folder, 'streamed'), { ...job, residentBytes: 0, progress });
    expect(statesOf('streamed').equals(statesOf('whole'))).toBe(true);
    // Seven texts in five batches through three blocks.
    expect(told.map(([done]) => done)).toEqual([
      ...[1, 3, 5, 7, 8, 10, 12, 14, 15, 17, 19, 21].filter((done) => done <= 21),
    ]);
    expect(told.at(-1)).toEqual([21, 21]);
  });

  it('goes on from the batch after which it saved, to the same bytes', async () => {
    let saved: Uint8Array | undefined;
    const save = (state: Uint8Array) => {
      saved = Uint8Array.from(state);
    };
    const die = (done: number) => {
      if (done === 12) throw new Error('killed');
    };
    const streamed = { ...job, residentBytes: 0 };
    const resumption = { saved: undefined, saveDue: () => true, save };
    const killed = writeTrunk(join(folder, 'killed'), { ...streamed, resumption, progress: die });
    await expect(killed).rejects.toThrow('killed');
    const done: number[] = [];
    await writeTrunk(join(folder, 'killed'), {
      ...streamed,
      resumption: { saved, saveDue: () => false, save },
      progress: (count) => done.push(count),
    });
    // The batch that was under way when it died is run again, and nothing before it.
    expect(done).toEqual([12, 14, 15, 17, 19, 21]);
    expect(statesOf('killed').equals(statesOf('whole'))).toBe(true);
  });
});

it('delivers every batch at once, so that a kill loses one batch at most', async () => {
  const kept: number[] = [];
  const cache = { get: () => undefined, set: (text: TrunkText) => kept.push(texts.indexOf(text)) };
  const die = (done: number) => {
    if (done > 9) throw new Error('killed');
  };
  const killed = writeTrunk(join(folder, 'cut'), { ...job, cache, progress: die });
  await expect(killed).rejects.toThrow('killed');
  // One text of three tokens, two of five, and two more: the last batch was delivered before it died.
  expect(kept).toEqual([3, 0, 2, 5, 6]);
});

it('rounds to half precision, says by how much, and takes half the bytes', async () => {
  const halved = await writeTrunk(join(folder, 'half'), { ...job, states: 'F16' });
  expect(statesOf('half', 'states.f16')).toHaveLength(statesOf('whole').length / 2);
  const [full, half] = [openTrunk(join(folder, 'whole')), openTrunk(join(folder, 'half'))];
  let [squares, errors] = [0, 0];
  for (const text of texts.keys()) {
    const [exact, rounded] = [await full.readStates(text), await half.readStates(text)];
    exact.forEach((value, i) => {
      squares += value ** 2;
      errors += (value - rounded[i]!) ** 2;
      expect(Math.abs(value - rounded[i]!)).toBeLessThanOrEqual(
        2 ** -11 * Math.abs(value) + 2 ** -25,
      );
    });
  }
  expect(halved.relativeError).toBeCloseTo(Math.sqrt(errors / squares), 12);
  expect(halved.relativeError).toBeGreaterThan(0);
  full.close();
  half.close();
});

it('names the text whose states half precision cannot hold', async () => {
  const large = join(folder, 'large');
  writeTinyModel(large);
  const source = openWeights(large);
  const tensors = source.names().map((name) => ({
    name,
    shape: source.shape(name),
    data: source.read(name).map((value) => (name.includes('embed_in') ? value * 1e7 : value)),
    dtype: 'F32' as const,
  }));
  writeSafetensors(join(large, 'model.safetensors'), tensors);
  const run = writeTrunk(join(folder, 'range'), { ...job, modelFolder: large, states: 'F16' });
  await expect(run).rejects.toThrow(StateRangeError);
  await expect(run).rejects.toThrow(
    /a state of temp "P3" is .*, more than half precision can hold/,
  );
});

it('computes states that were not stored whenever they are asked for, to the bit', async () => {
  await writeTrunk(join(folder, 'none'), { ...job, states: 'none' });
  expect(() => statesOf('none')).toThrow(/ENOENT/);
  const bare = openTrunk(join(folder, 'none'));
  expect(() => bare.readStates(0)).toThrow('not stored');
  const trunk = await computingTrunk(bare, model);
  const stored = openTrunk(join(folder, 'whole'));
  for (const text of texts.keys()) {
    expect(await trunk.readStates(text)).toEqual(await stored.readStates(text));
  }
  trunk.close();
  stored.close();
});

describe('whether storing pays', () => {
  const cost = {
    tokens: 1000,
    hidden: 512,
    parameters: 12e6,
    reuses: 1,
    bytesPerValue: 4,
    flops: 50e9,
    diskBytes: 300e6,
  };
  it('does where a forward pass takes longer than a read and a write', () => {
    const { pays, sizeBytes, forward, transfer } = judgeTrunk(cost, 1e9);
    expect(sizeBytes).toBe(1000 * 512 * 4);
    expect(forward).toBeCloseTo((2 * 12e6 * 1000) / 50e9, 12);
    expect(transfer).toBeCloseTo(sizeBytes / 300e6, 12);
    expect(pays).toBe(true);
  });
  it('does not over the limit, without a reuse, or with next to no blocks below', () => {
    expect(judgeTrunk(cost, 1000 * 512 * 4 - 1).pays).toBe(false);
    expect(judgeTrunk({ ...cost, reuses: 0 }, 1e9).pays).toBe(false);
    expect(judgeTrunk({ ...cost, parameters: 0, reuses: 100 }, 1e9).pays).toBe(false);
  });
  it('weighs the write against the reuses', () => {
    // A forward pass as long as a read and a half: one reuse does not earn the write, three do.
    const even = { ...cost, parameters: (1.5 * 512 * 4 * 50e9) / (2 * 300e6) };
    expect(judgeTrunk({ ...even, reuses: 1 }, 1e9).pays).toBe(false);
    expect(judgeTrunk({ ...even, reuses: 3 }, 1e9).pays).toBe(true);
  });
});

it.each(MODELS)('counts the parameters of %s as its files do', async (name) => {
  const { folder: place } = readFixture(name);
  const config = readModelConfig(place);
  const source = openWeights(place);
  const count = (names: readonly string[]) =>
    names.reduce((sum, each) => sum + source.shape(each).reduce((a, b) => a * b, 1), 0);
  expect(modelParameters(config)).toBe(count(source.names()));
  const block = source.names().filter((each) => each.includes('.layers.1.'));
  expect(blockParameters(config)).toBe(count(block));
  const loaded = await loadModel(place, { from: 1, to: 2, embedding: false, head: false });
  const onBackend = loaded.parameters.reduce((sum, { tensor }) => sum + tensor.size, 0);
  expect(4 * onBackend).toBe(blockBytes(config, 1, 2));
  loaded.dispose();
});
