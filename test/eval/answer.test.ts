import { describe, expect, test } from 'vitest';
import { likeliest, parseAnswer, scoresByLetter } from '../../src/eval/answer.ts';

describe('parseAnswer', () => {
  test.each([
    [' (a)', 'SUPPORTS'],
    ['(b)\nClaim: more', 'REFUTES'],
    [' well, (c) or (a)', 'NOT ENOUGH INFO'],
    ['(d) (b)', 'REFUTES'],
    ['((a))', 'SUPPORTS'],
    ['', 'INVALID'],
    [' a', 'INVALID'],
    [' (A)', 'INVALID'],
    [' supports', 'INVALID'],
    [' (a', 'INVALID'],
    [' ( a )', 'INVALID'],
  ])('%j is %s', (text, answer) => {
    expect(parseAnswer(text)).toBe(answer);
  });
});

describe('likeliest', () => {
  test('takes the greatest, the first of equals', () => {
    expect(likeliest([-3, -2, -4])).toBe('REFUTES');
    expect(likeliest([-2, -2, -2])).toBe('SUPPORTS');
    expect(likeliest([Number.NEGATIVE_INFINITY, -1e9, -1e9])).toBe('REFUTES');
  });

  test('refuses what is no comparison of three numbers', () => {
    expect(() => likeliest([-1, Number.NaN, -2])).toThrow(RangeError);
    expect(() => likeliest([-1, -2])).toThrow(RangeError);
  });
});

test('scores are written by letter with six digits', () => {
  expect(scoresByLetter([-1.23456789, -0.000012345678, -12345678.9])).toEqual({
    a: -1.23457,
    b: -0.0000123457,
    c: -12345700,
  });
});
