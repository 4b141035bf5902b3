import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { embed, forwardBlocks, loadModel } from '../../src/lm/model.ts';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';
import { writeOrigin } from '../../src/lm/trunk/origin.ts';
import { openTrunk } from '../../src/lm/trunk/trunk.ts';
import { loadMemory } from '../../src/memory/files.ts';
import type { Memo } from '../../src/pipe/stage.ts';
import encode from '../../stages/encode.ts';
import train from '../../stages/train.ts';
import { examples, pages, temporaryFolder, writeTinyModel } from '../memory/tiny-model.ts';
import { input, type RunOptions, runStage } from './stage-run.ts';

const folder = temporaryFolder();
const model = join(folder, 'model');
const lines = (items: readonly object[]): string =>
  items.map((item) => `${JSON.stringify(item)}\n`).join('');

interface Tables {
  readonly documents?: readonly object[];
  readonly memo?: Memo;
}

async function encoded(name: string, { documents = pages, memo }: Tables = {}): Promise<string> {
  const at = join(folder, name);
  writeFileSync(join(folder, `${name}-documents.jsonl`), lines(documents));
  const inputs = {
    weights: input(model),
    documents: input(join(folder, `${name}-documents.jsonl`)),
    examples: input(join(folder, 'examples.jsonl')),
  };
  const params = { chunkTokens: 20, chunkOverlap: 4, batch: 3 };
  const { outputs } = await runStage(encode, {
    folder: at,
    inputs,
    params,
    ...(memo ? { memo } : {}),
  });
  return outputs.states!;
}

async function trained(
  name: string,
  params: object,
  options: Partial<RunOptions> = {},
): Promise<Record<'memory' | 'metrics', string> & { bytes: Buffer }> {
  const inputs = { weights: input(model), states: input(join(folder, 'plain', 'states')) };
  const at = join(folder, name);
  const { outputs } = await runStage(train, { folder: at, inputs, params, ...options });
  const { memory, metrics } = outputs as Record<'memory' | 'metrics', string>;
  return { memory, metrics, bytes: readFileSync(join(memory, 'memory.safetensors')) };
}

beforeAll(async () => {
  writeTinyModel(model);
  writeFileSync(join(folder, 'examples.jsonl'), lines(examples));
  await encoded('plain');
});

describe('encode', () => {
  it('stores the states that enter the memory block, as the whole model computes them', async () => {
    const trunk = openTrunk(join(folder, 'plain', 'states'));
    const whole = await loadModel(model, { from: 0, to: 3, embedding: true, head: false });
    expect(trunk.index.from).toBe(3);
    for (const [index, { ids }] of trunk.texts.entries()) {
      const h = embed(whole, Int32Array.from(ids));
      const expected = await forwardBlocks(whole, h, { batch: 1, length: ids.length }).data();
      expect(trunk.readStates(index)).toEqual(expected);
    }
    trunk.close();
    whole.dispose();
  });

  it('cuts pages into chunks that train each token once, and marks where answers begin', () => {
    const { texts, index } = openTrunk(join(folder, 'plain', 'states'));
    expect(texts.filter(({ source }) => source === 'temp')).toHaveLength(examples.length);
    expect(texts.reduce((sum, { ids }) => sum + ids.length, 0)).toBe(index.rows);
    const tokenizer = loadTokenizer(model);
    const chunks = texts.filter(({ source, page }) => source === 'doc' && page === 'Bergen');
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.map(({ supervisedFrom }) => supervisedFrom)).toEqual(
      chunks.map((_, at) => (at === 0 ? 0 : 4)),
    );
    for (const { source, ids, supervisedFrom } of texts) {
      const answer = tokenizer.decode(ids.slice(supervisedFrom));
      if (source === 'temp') expect([' (a)', ' (b)']).toContain(answer);
    }
  });

  it('computes only what an edit changed, with the same bytes as from nothing', async () => {
    const kept = new Map<string, Uint8Array>();
    let computed = 0;
    const memo: Memo = {
      get: (key) => kept.get(key),
      set: (key, value) => {
        computed += 1;
        kept.set(key, Uint8Array.from(value));
      },
    };
    await encoded('first', { memo });
    const all = computed;
    const edited = [{ page: 'Roman', text: 'Roman writes.' }, ...pages.slice(1)];
    const warm = await encoded('warm', { documents: edited, memo });
    expect(computed - all).toBe(1);
    const cold = await encoded('cold', { documents: edited });
    for (const file of ['index.json', 'texts.jsonl', 'states.f32']) {
      expect(readFileSync(join(warm, file)).equals(readFileSync(join(cold, file))), file).toBe(
        true,
      );
    }
  });
});

describe('train', () => {
  it('lowers the loss and leaves a memory on the right block', async () => {
    const { memory, metrics } = await trained('doctemp', {
      candidate: 'doctemp',
      epochs: 10,
      learningRate: 0.01,
    });
    const records = readFileSync(metrics, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(Object.keys(records[0])).toEqual(['step', 'epoch', 'loss', 'learningRate', 'gradNorm']);
    // The model is random, with a head so small that no memory could win more than some hundredths.
    expect(epochLoss(records, 9)).toBeLessThan(epochLoss(records, 0) - 0.01);
    const loaded = await loadMemory(memory);
    expect(loaded.blocks).toEqual({ from: 3, to: 4 });
    loaded.dispose();
  });

  it('depends on candidate, seed and epochs', async () => {
    const base = { candidate: 'temp', epochs: 1 };
    const made = [
      await trained('temp', base),
      await trained('doc', { ...base, candidate: 'doc' }),
      await trained('seed', base, { seed: 1 }),
      await trained('none', { ...base, epochs: 0 }),
      await trained('answer', { ...base, loss: 'answer' }),
    ];
    expect(new Set(made.map(({ bytes }) => bytes.toString('hex'))).size).toBe(made.length);
  });

  it('stops with step, epoch and texts when the loss is no number, and writes nothing', async () => {
    const run = trained('nan', { candidate: 'temp', epochs: 2, gateInit: Number.NaN });
    await expect(run).rejects.toThrow(/step 0 \(epoch 0\): the loss is NaN.*temp "/);
    expect(() => readFileSync(join(folder, 'nan', 'memory', 'memory.safetensors'))).toThrow(
      /ENOENT/,
    );
  });

  it('refuses states of another location', async () => {
    const location = { fromPercent: 40, toPercent: 60 };
    await expect(trained('place', { candidate: 'doc', location })).rejects.toMatchObject({
      name: 'StageError',
      message: 'the states enter block 3, the memory begins at 2',
    });
  });

  it('refuses states that another model computed', async () => {
    const states = join(folder, 'foreign', 'states');
    cpSync(join(folder, 'plain', 'states'), states, { recursive: true });
    writeOrigin(states, 'of another model');
    const inputs = { weights: input(model), states: input(states) };
    const run = runStage(train, {
      folder: join(folder, 'no'),
      inputs,
      params: { candidate: 'doc' },
    });
    await expect(run).rejects.toMatchObject({
      name: 'StageError',
      message: 'the states were computed with other weights than these',
    });
  });

  it('says so when there is nothing to train on', async () => {
    const run = trained('empty', { candidate: 'doc', visits: { doc: 0, temp: 1 } });
    await expect(run).rejects.toMatchObject({
      name: 'StageError',
      message: /no text to train "doc"/,
    });
  });
});

function epochLoss(records: readonly { epoch: number; loss: number }[], epoch: number): number {
  const losses = records.filter((record) => record.epoch === epoch).map(({ loss }) => loss);
  return losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
}
