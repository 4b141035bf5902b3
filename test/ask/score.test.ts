/** Likelihoods and greedy texts against the logits that Transformers computed, token by token. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { goOn } from '../../src/ask/go-on.ts';
import { scoreContinuation } from '../../src/ask/score.ts';
import { openSubject, type Subject } from '../../src/ask/subject.ts';
import type { Tokenizer } from '../../src/lm/tokenizer.ts';
import { startBackend } from '../../src/tensor/backend.ts';

const folder = join(import.meta.dirname, '..', 'fixtures', 'gguf');
const reference: { texts: { ids: number[]; logits: string; greedy: number[] }[] } = JSON.parse(
  readFileSync(join(folder, 'byte-level.json'), 'utf8'),
);

/** Numbers for words, so that the test decides over the tokens. */
const numbers: Tokenizer = {
  encode: (text) => text.split(' ').filter(Boolean).map(Number),
  decode: (ids) => ids.join(' '),
  size: 340,
};

let subject: Subject;
beforeAll(async () => {
  await startBackend('wasm');
  subject = await openSubject(join(folder, 'byte-level.gguf'), undefined);
});
afterAll(() => subject.dispose());

it('gives each token the probability that the reference gives it', async () => {
  const { ids, logits } = reference.texts[0]!;
  const rows = new Float32Array(Uint8Array.from(Buffer.from(logits, 'base64')).buffer);
  const vocab = rows.length / ids.length;
  const cut = 3;
  const before = memory().numTensors;
  const score = await scoreContinuation(subject.adapted, numbers, {
    context: ids.slice(0, cut).join(' '),
    continuation: ` ${ids.slice(cut).join(' ')}`,
  });
  expect(memory().numTensors).toBe(before);
  expect(score.tokens).toBe(ids.length - cut);
  score.perToken.forEach(({ id, text, logProbability, greedy }, at) => {
    const row = rows.subarray((cut + at - 1) * vocab, (cut + at) * vocab);
    const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
    expect(id).toBe(ids[cut + at]);
    expect(text).toBe(String(id));
    expect(logProbability).toBeCloseTo(row[id]! - Math.log(total), 3);
    expect(greedy).toBe(row.every((value) => value <= row[id]!));
  });
  const sum = score.perToken.reduce((total, { logProbability }) => total + logProbability, 0);
  expect(score.logLikelihood).toBeCloseTo(sum, 12);
  expect(score.greedy).toBe(false);
});

it('knows its own greedy text for one', async () => {
  for (const { ids, greedy } of reference.texts) {
    const context = ids.join(' ');
    const written = await goOn(subject.adapted, numbers, { context, maxTokens: greedy.length });
    expect(written).toEqual({
      text: greedy.join(' '),
      tokens: greedy.length,
      ended: false,
      ids: greedy,
    });
    const continuation = ` ${greedy.join(' ')}`;
    const score = await scoreContinuation(subject.adapted, numbers, { context, continuation });
    expect(score.greedy).toBe(true);
  }
});

it('ends at the end of text', async () => {
  const { ids, greedy } = reference.texts[0]!;
  const ending = { ...numbers, eosId: greedy[2]! };
  const expected = greedy.slice(0, greedy.indexOf(greedy[2]!) + 1);
  const written = await goOn(subject.adapted, ending, { context: ids.join(' '), maxTokens: 10 });
  expect(written).toMatchObject({ ended: true, ids: expected });
});

it('refuses a context without a token', async () => {
  const prompt = { context: '', continuation: ' 5' };
  await expect(scoreContinuation(subject.adapted, numbers, prompt)).rejects.toThrow(RangeError);
  const nothing = { context: '', maxTokens: 1 };
  await expect(goOn(subject.adapted, numbers, nothing)).rejects.toThrow(RangeError);
});
