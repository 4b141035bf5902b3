import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { clusteredInterval, type Observation, quantile } from '../../src/eval/bootstrap.ts';
import { seededInteger } from '../../src/eval/random.ts';

const fixtures = JSON.parse(
  readFileSync(new URL('../fixtures/metrics.json', import.meta.url), 'utf8'),
) as { quantiles: { values: number[]; share: number; quantile: number }[] };

/** `pages` pages of `each` questions; `right(page, at)` says which are answered rightly. */
function answers(pages: number, each: number, right: (page: number, at: number) => boolean) {
  return Array.from({ length: pages * each }, (_, index): Observation => {
    const page = Math.floor(index / each);
    return { cluster: `page ${page}`, value: right(page, index % each) ? 1 : 0 };
  });
}

describe('clusteredInterval', () => {
  test('agrees with the normal interval where answers are independent', () => {
    const observations = answers(400, 1, (page) => page % 4 !== 0);
    const { low, high } = clusteredInterval(observations, { seed: 1 })!;
    const half = 1.96 * Math.sqrt((0.75 * 0.25) / 400);
    expect(Math.abs(low - (0.75 - half))).toBeLessThan(0.006);
    expect(Math.abs(high - (0.75 + half))).toBeLessThan(0.006);
  });

  test('is wider when the answers of a page stand and fall together', () => {
    const together = clusteredInterval(
      answers(40, 10, (page) => page % 2 === 0),
      { seed: 1 },
    )!;
    const apart = clusteredInterval(
      answers(40, 10, (_, at) => at % 2 === 0),
      { seed: 1 },
    )!;
    expect(together.high - together.low).toBeGreaterThan(0.25);
    expect(apart.high - apart.low).toBe(0);
  });

  test('is the same for any order of the answers, and another for another seed', () => {
    const observations = answers(30, 3, (page, at) => (page * page + at) % 7 < 3);
    const forwards = clusteredInterval(observations, { seed: 5 });
    expect(clusteredInterval([...observations].reverse(), { seed: 5 })).toEqual(forwards);
    expect(clusteredInterval(observations, { seed: 6, resamples: 200 })).not.toEqual(
      clusteredInterval(observations, { seed: 5, resamples: 200 }),
    );
  });

  test('a single page has no interval', () => {
    expect(
      clusteredInterval(
        answers(1, 9, () => true),
        { seed: 0 },
      ),
    ).toBeUndefined();
  });

  test.each(fixtures.quantiles)(
    'quantile $share as numpy has it',
    ({ values, share, quantile: expected }) => {
      expect(quantile(Float64Array.from(values), share)).toBeCloseTo(expected, 12);
    },
  );
});

describe('seededInteger', () => {
  test('is uniform and repeatable', () => {
    const draw = seededInteger(42, 'a');
    const counts = new Array<number>(10).fill(0);
    for (let at = 0; at < 20_000; at++) counts[draw(10)]! += 1;
    const chi2 = counts.reduce((sum, count) => sum + (count - 2000) ** 2 / 2000, 0);
    expect(chi2).toBeLessThan(27.9); // 99.9 % of chi-squared with 9 degrees of freedom
    const again = [seededInteger(42, 'a'), seededInteger(42, 'a'), seededInteger(42, 'b')].map(
      (next) => Array.from({ length: 8 }, () => next(1000)).join(),
    );
    expect(again[0]).toBe(again[1]);
    expect(again[0]).not.toBe(again[2]);
  });
});
