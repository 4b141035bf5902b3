import { describe, expect, test } from 'vitest';
import { tokeniseQuestion } from '../../../src/lm/scoring/question.ts';

/** Greedy longest match over given pieces; every character is a piece too. */
function encoderOf(pieces: readonly string[]) {
  const sorted = [...pieces].sort((a, b) => b.length - a.length);
  const ids = new Map(sorted.map((piece, at) => [piece, 1000 + at]));
  return {
    encode: (text: string) => {
      const tokens: number[] = [];
      for (let at = 0; at < text.length; ) {
        const piece = sorted.find((item) => text.startsWith(item, at)) ?? text[at]!;
        tokens.push(ids.get(piece) ?? piece.charCodeAt(0));
        at += piece.length;
      }
      return tokens;
    },
  };
}

describe('tokeniseQuestion', () => {
  test('takes the tokens behind the context', () => {
    const encoder = encoderOf([' (a)', ' (b)', ' (']);
    const { context, continuations } = tokeniseQuestion(encoder, 'A:', [' (a)', ' (b)', ' (c)']);
    expect(context).toEqual(encoder.encode('A:'));
    expect(continuations.map((tail) => tail.length)).toEqual([1, 1, 3]);
  });

  test('ends the context before a token that reaches across the boundary', () => {
    const encoder = encoderOf([': (a)']);
    const { context, continuations } = tokeniseQuestion(encoder, 'A:', [' (a)', ' (b)']);
    expect(context).toEqual(encoder.encode('A'));
    expect(continuations[0]).toEqual(encoder.encode(': (a)'));
    expect(continuations[1]).toEqual(encoder.encode(': (b)'));
  });

  test('refuses what has no likelihood', () => {
    const encoder = encoderOf(['A: (a)']);
    expect(() => tokeniseQuestion(encoder, 'A:', [''])).toThrow(RangeError);
    expect(() => tokeniseQuestion(encoder, 'A:', [' (a)'])).toThrow(RangeError);
  });
});
