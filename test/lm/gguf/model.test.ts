import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tidy } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/lm/config.ts';
import { generateGreedy } from '../../../src/lm/generate.ts';
import { embed, forwardBlocks, headLogits, loadModel, type Model } from '../../../src/lm/model.ts';
import { loadTokenizer } from '../../../src/lm/tokenizer.ts';
import { openModelWeights } from '../../../src/lm/weights/open.ts';
import { startBackend } from '../../../src/tensor/backend.ts';

const folder = join(import.meta.dirname, '..', '..', 'fixtures', 'gguf');

interface Reference {
  readonly texts: readonly { ids: number[]; logits: string; greedy: number[] }[];
  readonly tokenizer: readonly { text: string; ids: number[]; decoded: string }[];
}

describe.each(['byte-level', 'sentence-piece'])('%s.gguf', (name) => {
  const file = join(folder, `${name}.gguf`);
  const reference: Reference = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  let model: Model;

  beforeAll(async () => {
    await startBackend('wasm');
    const { layers } = readModelConfig(file);
    model = await loadModel(file, { from: 0, to: layers, embedding: true, head: true });
  });
  afterAll(() => model.dispose());

  it.each(reference.texts)('gives the logits of the dequantised weights ($ids)', async (text) => {
    const { ids } = text;
    const logits = tidy(() => {
      const h = embed(model, Int32Array.from(ids));
      return headLogits(model, forwardBlocks(model, h, { batch: 1, length: ids.length }));
    });
    const found = await logits.data();
    logits.dispose();
    const bytes = Uint8Array.from(Buffer.from(text.logits, 'base64'));
    const expected = new Float32Array(bytes.buffer);
    const largest = Math.max(...expected.map(Math.abs));
    const error = Math.max(...expected.map((value, i) => Math.abs(value - found[i]!)));
    expect(found.length).toBe(expected.length);
    expect(error / largest).toBeLessThan(1e-5);
  });

  it('writes the same greedy text', async () => {
    for (const { ids, greedy } of reference.texts) {
      expect(await generateGreedy(model, ids, { maxTokens: greedy.length })).toEqual(greedy);
    }
  });

  it.each(reference.tokenizer)('encodes and decodes $text like the reference', (given) => {
    const tokenizer = loadTokenizer(file);
    expect(tokenizer.encode(given.text)).toEqual(given.ids);
    expect(tokenizer.decode(given.ids)).toBe(given.decoded);
  });
});

it('keeps a beginning-of-text token that the text itself begins with', () => {
  const tokenizer = loadTokenizer(join(folder, 'byte-level.gguf'));
  expect(tokenizer.bosId).toBe(1);
  expect(tokenizer.encode('<|im_start|>A:')[0]).toBe(1);
  expect(tokenizer.encode('A:')[0]).not.toBe(1);
});

it('serves tensors under the names of a Hugging Face folder', () => {
  const weights = openModelWeights(join(folder, 'sentence-piece.gguf'));
  expect(weights.names()).toContain('model.layers.1.self_attn.q_proj.weight');
  expect(weights.names()).toContain('lm_head.weight');
  expect(weights.shape('model.layers.0.mlp.down_proj.weight')).toEqual([32, 48]);
  expect(weights.fileOf('lm_head.weight')).toBe(join(folder, 'sentence-piece.gguf'));
});
