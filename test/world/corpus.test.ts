import { describe, expect, it } from 'vitest';
import {
  type CorpusText,
  corpus,
  corpusSettings,
  vocabularyTexts,
} from '../../data/world/corpus.ts';

function take(count: number, seed = corpusSettings.seed): CorpusText[] {
  const texts = corpus({ ...corpusSettings, seed });
  return Array.from({ length: count }, () => texts.next().value);
}

describe('corpus', () => {
  it('is the same stream for the same settings, and another for another seed', () => {
    expect(take(40)).toEqual(take(40));
    expect(take(40)).not.toEqual(take(40, 'another'));
  });

  it('writes prompts in the form that the pipeline asks in', () => {
    const prompt = take(60).find((text) => text.kind === 'prompt')!;
    const text = prompt.pieces.map((piece) => piece.text).join('');
    expect(text).toMatch(
      /^Determine the factuality of the following claims\nAnswer candidates: \(a\) supports, \(b\) refutes, \(c\) not enough info(\nClaim: [^\n]+\.\nA: \([abc]\))+$/,
    );
  });

  it('keeps answers in pieces of their own', () => {
    const answers = take(200).flatMap((text) => text.pieces.filter((piece) => piece.answer));
    expect(new Set(answers.map((piece) => piece.text))).toEqual(new Set([' (a)', ' (b)', ' (c)']));
  });

  it('mixes the kinds of texts in the shares that were asked for', () => {
    const texts = take(2000);
    for (const [kind, share] of Object.entries(corpusSettings.shares)) {
      const count = texts.filter((text) => text.kind === kind).length;
      expect(Math.abs(count / texts.length - share)).toBeLessThan(0.04);
    }
  });
});

describe('vocabularyTexts', () => {
  it('gives texts of passing worlds only', () => {
    const texts = vocabularyTexts();
    const kinds = new Set(Array.from({ length: 50 }, () => texts.next().value.kind));
    expect([...kinds]).toEqual(['reading']);
  });
});
