import { expect, test } from 'vitest';
import { parseLetter } from '../../src/eval/answer.ts';
import { calibrated, digestOf, labelOf } from '../../src/eval/judge.ts';

const LETTERS = ['a', 'b', 'c'];

test.each([
  [' (a)', 'a'],
  ['(b)\nClaim: more', 'b'],
  [' well, (c) or (a)', 'c'],
  ['(d) (b)', 'b'],
  ['((a))', 'a'],
  ['', undefined],
  [' a', undefined],
  [' (A)', undefined],
  [' supports', undefined],
  [' (a', undefined],
  [' ( a )', undefined],
])('%j names %s', (text, letter) => {
  expect(parseLetter(text, LETTERS)).toBe(letter);
});

test('letters stand for labels in the order that is given', () => {
  expect(LETTERS.map((letter) => labelOf(letter, 'abc'))).toEqual([
    'SUPPORTS',
    'REFUTES',
    'NOT ENOUGH INFO',
  ]);
  expect(LETTERS.map((letter) => labelOf(letter, 'bca'))).toEqual([
    'NOT ENOUGH INFO',
    'SUPPORTS',
    'REFUTES',
  ]);
  expect(() => labelOf('d', 'abc')).toThrow(RangeError);
});

test('calibration takes away what a claim without content would get', () => {
  const scores = [Math.log(0.6), Math.log(0.3), Math.log(0.1)];
  const flat = calibrated(scores, [scores]);
  for (const value of flat) expect(value).toBeCloseTo(0, 12);
  const [a, b] = calibrated(scores, [[Math.log(0.8), Math.log(0.1), Math.log(0.1)]]);
  expect(a).toBeCloseTo(Math.log(0.6 / 0.8), 12);
  expect(b).toBeCloseTo(Math.log(0.3 / 0.1), 12);
  // Two claims without content: the mean of their shares, not of their logarithms.
  const [mean] = calibrated(scores, [
    [Math.log(0.8), Math.log(0.1), Math.log(0.1)],
    [Math.log(0.2), Math.log(0.7), Math.log(0.1)],
  ]);
  expect(mean).toBeCloseTo(Math.log(0.6 / 0.5), 12);
});

test('a prompt’s digest is the beginning of its SHA-256', () => {
  expect(digestOf('')).toBe('e3b0c44298fc1c14');
});
