import { describe, expect, it } from 'vitest';
import { comparableText } from '../../src/fever/claim.ts';
import { FALLBACK_CLAIMS, fallbackShots } from '../../src/fever/fallback-claims.ts';
import { answerOf, isLabel, isLetters, LABEL_TABLE, LABELS } from '../../src/fever/label.ts';

describe('the label table', () => {
  it('is the experiment’s: (a) supports, (b) refutes, (c) not enough info', () => {
    expect(LABEL_TABLE).toEqual([
      { label: 'SUPPORTS', letter: 'a', words: 'supports' },
      { label: 'REFUTES', letter: 'b', words: 'refutes' },
      { label: 'NOT ENOUGH INFO', letter: 'c', words: 'not enough info' },
    ]);
    expect(LABELS.map((label) => answerOf(label))).toEqual([' (a)', ' (b)', ' (c)']);
  });

  it('gives every label a letter and words of its own', () => {
    expect(LABELS.map((label) => answerOf(label, 'bca'))).toEqual([' (b)', ' (c)', ' (a)']);
    expect(['abc', 'cab', 'aab', 'ab', 'abcd'].map(isLetters)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(new Set(LABEL_TABLE.map(({ words }) => words)).size).toBe(LABELS.length);
  });

  it('knows no other label', () => {
    for (const word of ['INVALID', 'supports', 'DISPUTED', '', null])
      expect(isLabel(word)).toBe(false);
  });
});

describe('the fallback claims', () => {
  // One claim of each list by name: lists that change places fail here, which is how the note erred.
  it.each([
    ['SUPPORTS', 'A triangle has three sides.'],
    ['REFUTES', 'A square has five corners.'],
    ['NOT ENOUGH INFO', 'The second daughter of the ferryman plays the cello.'],
  ] as const)('%s holds %s', (label, claim) => {
    expect(FALLBACK_CLAIMS[label]).toContain(claim);
  });

  it('are as many for each label, and all different', () => {
    const counts = LABELS.map((label) => FALLBACK_CLAIMS[label].length);
    expect(new Set(counts).size).toBe(1);
    const texts = fallbackShots().map(({ claim }) => comparableText(claim));
    expect(texts).toHaveLength(counts[0]! * LABELS.length);
    expect(new Set(texts).size).toBe(texts.length);
  });

  it('keep their labels in the joint list', () => {
    for (const { claim, label } of fallbackShots()) expect(FALLBACK_CLAIMS[label]).toContain(claim);
  });
});
