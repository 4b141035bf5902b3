/** Texts to train on, with a tokenizer that gives a character a token and begins as LLaMA's does. */
import { describe, expect, it } from 'vitest';
import { documentTexts, type Encode, exampleText } from '../../src/lm/trunk/texts.ts';

const BOS = 1;
const characters = (text: string): number[] => [...text].map((letter) => letter.charCodeAt(0));
const llama: Encode = (text, { bare = false } = {}) => [
  ...(bare ? [] : [BOS]),
  ...characters(text),
];
const neox: Encode = (text) => characters(text);
const example = { page: 'Bergen', prompt: 'Claim: it rains.\nA:', answer: ' (a)' };
const textOf = (ids: readonly number[]): string => String.fromCharCode(...ids);

describe('exampleText', () => {
  it('keeps a text that fits whole, and supervises its answer', () => {
    const { ids, supervisedFrom } = exampleText(example, llama, 100);
    expect(ids).toEqual([BOS, ...characters(example.prompt + example.answer)]);
    expect(textOf(ids.slice(supervisedFrom))).toBe(' (a)');
  });

  it.each([
    ['with a beginning token', llama, [BOS]],
    ['without one', neox, []],
  ] as const)('cuts one that is too long before its claim, %s', (_, encode, start) => {
    const { ids, supervisedFrom } = exampleText(example, encode, 10);
    expect(ids).toHaveLength(10);
    expect(ids.slice(0, start.length)).toEqual(start);
    const kept = `${example.prompt}${example.answer}`.slice(start.length - 10);
    expect(textOf(ids.slice(start.length))).toBe(kept);
    expect(textOf(ids.slice(supervisedFrom))).toBe(' (a)');
  });

  it('never supervises the beginning token, even where nothing but the answer is left', () => {
    const { ids, supervisedFrom } = exampleText(example, llama, 4);
    expect(textOf(ids.slice(1))).toBe('(a)');
    expect(supervisedFrom).toBe(1);
  });
});

describe('documentTexts', () => {
  it('begins every chunk with the beginning token and trains each character once', () => {
    const chunks = documentTexts({ page: 'P', text: 'abcdefghij' }, llama, {
      chunkTokens: 6,
      chunkOverlap: 2,
    });
    expect(chunks.map(({ ids }) => [ids[0], textOf(ids.slice(1))])).toEqual([
      [BOS, 'abcde'],
      [BOS, 'defgh'],
      [BOS, 'ghij'],
    ]);
    expect(chunks.map(({ supervisedFrom }) => supervisedFrom)).toEqual([0, 3, 3]);
  });
});
