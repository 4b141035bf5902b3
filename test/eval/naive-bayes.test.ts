import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { majorityLabel, trainNaiveBayes, wordsOf } from '../../src/eval/naive-bayes.ts';

const { naiveBayes: fixture } = JSON.parse(
  readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8'),
) as {
  naiveBayes: {
    claims: { claim: string; label: string }[];
    classes: string[];
    tests: { claim: string; joint: number[]; label: string }[];
  };
};

describe('naive Bayes against scikit-learn', () => {
  const model = trainNaiveBayes(fixture.claims, fixture.classes);

  test.each(fixture.tests)('$claim', ({ claim, joint, label }) => {
    const scores = model.scores(claim);
    fixture.classes.forEach((name, at) => {
      expect(scores.get(name)).toBeCloseTo(joint[at]!, 9);
    });
    expect(model.predict(claim)).toBe(label);
  });
});

describe('naive Bayes', () => {
  test('reads words in any case, normal form and script', () => {
    expect(wordsOf('Beyonce\u0301 was NOT born in Łódź, 1984!')).toEqual([
      'beyonc\u00e9',
      'was',
      'not',
      'born',
      'in',
      'łódź',
      '1984',
    ]);
    expect(wordsOf('…')).toEqual([]);
  });

  test('never predicts a label that it did not see, and needs a claim', () => {
    const model = trainNaiveBayes([{ claim: 'x', label: 'B' }], ['A', 'B']);
    expect(model.predict('anything')).toBe('B');
    expect(() => trainNaiveBayes([], ['A'])).toThrow(RangeError);
  });
});

test('the majority label is the most frequent one; ties go to the earlier label', () => {
  const claims = ['B', 'A', 'B', 'A', 'C'].map((label) => ({ claim: '', label }));
  expect(majorityLabel(claims, ['A', 'B', 'C'])).toBe('A');
  expect(majorityLabel(claims.slice(0, 3), ['A', 'B', 'C'])).toBe('B');
});
