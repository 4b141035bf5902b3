import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { discordanceOf, holmAdjusted, mcnemarExact } from '../../src/eval/significance.ts';

const fixtures = JSON.parse(
  readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8'),
) as {
  mcnemar: { onlyFirst: number; onlySecond: number; p: number }[];
  holm: { p: number[]; adjusted: number[] }[];
};

describe("McNemar's exact test", () => {
  test.each(fixtures.mcnemar)('$onlyFirst against $onlySecond as scipy has it', (item) => {
    expect(Math.abs(mcnemarExact(item) / item.p - 1)).toBeLessThan(1e-9);
  });

  test('counts the questions that only one of two answers rightly', () => {
    const first = [true, true, false, false, true];
    const second = [true, false, true, false, false];
    expect(discordanceOf(first, second)).toEqual({ onlyFirst: 2, onlySecond: 1 });
  });

  test('refuses answers to different questions', () => {
    expect(() => discordanceOf([true], [])).toThrow(RangeError);
  });
});

describe("Holm's correction", () => {
  test.each(fixtures.holm)('$p', ({ p, adjusted }) => {
    const ours = holmAdjusted(p);
    expect(ours).toHaveLength(p.length);
    ours.forEach((value, at) => {
      expect(value).toBeCloseTo(adjusted[at]!, 12);
    });
  });
});
