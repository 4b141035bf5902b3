import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { slice, memory as tensorMemory, tidy } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Adapter, embed, forwardBlocks, headLogits, loadModel } from '../../src/lm/model.ts';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';
import { type Examinee, openExaminee } from '../../src/memory/examinee.ts';
import { loadMemory } from '../../src/memory/files.ts';
import type { Memory } from '../../src/memory/memory.ts';
import { makeWorld, promptLines, QUESTIONS, type World } from '../stages-eval/world.ts';

const MAX_TOKENS = 5;
const TEXTS = promptLines(QUESTIONS.slice(0, 3), [1]).map(
  (line) => (line as { prompt: string }).prompt,
);

let world: World;
let modelFolder: string;
beforeAll(async () => {
  world = await makeWorld({ doc: 50 });
  modelFolder = join(world.folder, 'model');
});
afterAll(() => rmSync(world.folder, { recursive: true }));

/** Token by token, the whole text through the whole model each time; ends at `eosId`. */
async function greedyIds(text: string, memory: Memory | undefined): Promise<number[]> {
  const tokenizer = loadTokenizer(modelFolder);
  const model = await loadModel(modelFolder, { from: 0, to: 5, embedding: true, head: true });
  const asCame = { model, adapters: new Map<number, Adapter>() };
  const { model: view, adapters } = memory?.on(model) ?? asCame;
  const ids = tokenizer.encode(text);
  const start = ids.length;
  while (ids.length < start + MAX_TOKENS) {
    const logits = tidy(() => {
      const embedded = embed(model, Int32Array.from(ids));
      const h = forwardBlocks(view, embedded, { batch: 1, length: ids.length, adapters });
      return headLogits(view, slice(h, [ids.length - 1, 0], [1, -1]));
    });
    const values = Array.from(await logits.data());
    logits.dispose();
    ids.push(values.indexOf(Math.max(...values)));
    if (ids.at(-1) === tokenizer.eosId) break;
  }
  model.dispose();
  return ids.slice(start);
}

async function asked<T>(ask: (examinee: Examinee) => Promise<T>): Promise<T> {
  const examinee = await openExaminee({
    model: modelFolder,
    memories: new Map([['doc', join(world.folder, 'doc')]]),
    answers: [' (a)', ' (b)', ' (c)'],
    batch: 48,
    generation: { maxTokens: MAX_TOKENS, stop: () => false },
  });
  try {
    return await ask(examinee);
  } finally {
    examinee.dispose();
  }
}

describe('generate', () => {
  it('writes what a plain greedy loop with the memory writes, and not what pretrained does', async () => {
    const { decode } = loadTokenizer(modelFolder);
    const memory = await loadMemory(join(world.folder, 'doc'));
    const expected: Record<'doc' | 'pretrained', string[]> = { doc: [], pretrained: [] };
    for (const text of TEXTS) {
      expected.doc.push(decode(await greedyIds(text, memory)));
      expected.pretrained.push(decode(await greedyIds(text, undefined)));
    }
    memory.dispose();
    const doc = await asked((examinee) => examinee.generate(TEXTS, 'doc'));
    const pretrained = await asked((examinee) => examinee.generate(TEXTS, 'pretrained'));
    expect(doc.texts).toEqual(expected.doc);
    expect(pretrained.texts).toEqual(expected.pretrained);
    expect(doc.texts).not.toEqual(pretrained.texts);
    doc.firstLogitsDigests.forEach((digest, at) => {
      expect(digest).not.toBe(pretrained.firstLogitsDigests[at]);
    });
  });

  it('gives the same digest of the same logits, and leaves no tensor behind', async () => {
    const before = tensorMemory().numTensors;
    const digests = await asked(async (examinee) => [
      (await examinee.generate(TEXTS, 'doc')).firstLogitsDigests,
      (await examinee.generate(TEXTS, 'doc')).firstLogitsDigests,
    ]);
    expect(digests[0]).toEqual(digests[1]);
    expect(tensorMemory().numTensors).toBe(before);
  });

  it('ends at the end of text', async () => {
    const file = join(modelFolder, 'tokenizer_config.json');
    const before = readFileSync(file, 'utf8');
    const { model } = JSON.parse(readFileSync(join(modelFolder, 'tokenizer.json'), 'utf8'));
    const [text] = TEXTS as [string];
    const ids = await greedyIds(text, undefined);
    const second = Object.entries(model.vocab).find(([, id]) => id === ids[1])![0];
    writeFileSync(file, JSON.stringify({ eos_token: second }));
    try {
      const { texts } = await asked((examinee) => examinee.generate([text], 'pretrained'));
      const { decode } = loadTokenizer(modelFolder);
      const short = decode(ids.slice(0, ids.indexOf(ids[1]!) + 1));
      expect(texts).toEqual([short]);
      expect(short).not.toBe(decode(ids));
    } finally {
      writeFileSync(file, before);
    }
  });
});
