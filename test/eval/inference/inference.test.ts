import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { pairTrials, seedTrials, singleTrials } from '../../../bench/simulation/trials.ts';
import { bootstrapIntervals, quantile } from '../../../src/eval/inference/bootstrap.ts';
import { clustersOf } from '../../../src/eval/inference/clusters.ts';
import {
  normalProbability,
  normalQuantile,
  studentProbability,
  studentQuantile,
  studentTwoSided,
} from '../../../src/eval/inference/distribution.ts';
import { minimumDetectable } from '../../../src/eval/inference/power.ts';
import { signFlipTest } from '../../../src/eval/inference/sign-flip.ts';
import { effectiveClusters, uncertaintyOf, worthOf } from '../../../src/eval/inference/spread.ts';
import { sumsByCluster } from '../../../src/eval/inference/values.ts';
import { seededInteger } from '../../../src/eval/random.ts';

const fixtures = JSON.parse(
  readFileSync(new URL('../../fixtures/metrics.json', import.meta.url), 'utf8'),
) as {
  quantiles: { values: number[]; share: number; quantile: number }[];
  distributions: { degrees: number | null; share: number; quantile: number }[];
};

const ONE = [{ seed: null, shotSeed: 0 }];

describe('clusters', () => {
  test('are what hangs together through pages, claims and claims’ texts', () => {
    const clusters = clustersOf([
      { claimId: 1, page: 'A', claim: 'One.' },
      { claimId: 2, page: 'B', claim: 'Two.' },
      { claimId: 1, page: 'C', claim: 'One.' }, // claim 1 cites A and C
      { claimId: 3, page: 'D', claim: 'two' }, // the text of claim 2, with another id
      { claimId: 4, page: 'E', claim: 'Five.' },
      { claimId: 5, page: 'C', claim: 'Six.' },
    ]);
    expect([...clusters]).toEqual([0, 1, 0, 1, 2, 0]);
  });

  test('are not the same for an id and a page of one name', () => {
    expect([
      ...clustersOf([
        { claimId: 'x', page: 'y' },
        { claimId: 'y', page: 'x' },
      ]),
    ]).toEqual([0, 1]);
  });
});

describe('distributions as scipy has them', () => {
  test.each(fixtures.distributions)('$share, $degrees degrees', ({ degrees, share, ...item }) => {
    const ours = degrees === null ? normalQuantile(share) : studentQuantile(share, degrees);
    expect(Math.abs(ours - item.quantile)).toBeLessThan(1e-9 * Math.max(1, Math.abs(ours)));
    const back =
      degrees === null ? normalProbability(item.quantile) : studentProbability(ours, degrees);
    expect(Math.abs(back - share)).toBeLessThan(1e-12);
    if (degrees !== null && share > 0.5) {
      expect(Math.abs(studentTwoSided(ours, degrees) - 2 * (1 - share))).toBeLessThan(1e-9);
    }
  });

  test.each(fixtures.quantiles)('quantile $share as numpy has it', (item) => {
    expect(quantile(Float64Array.from(item.values), item.share)).toBeCloseTo(item.quantile, 12);
  });
});

describe('sign flips', () => {
  test('of few clusters are enumerated', () => {
    // Sums 3, 1, −1: of the 8 flips, |total| ≥ 3 for 3+1−1 and its kind: 6; by hand.
    const clusters = Int32Array.of(0, 0, 0, 1, 2);
    const p = signFlipTest(clusters, [1, 1, 1, 1, -1], { seed: 0 });
    expect(p).toBe(6 / 8);
    expect(signFlipTest(clusters, [1, 1, 1, 1, 1], { seed: 0 })).toBe(2 / 8);
    expect(signFlipTest(clusters, [0, 0, 0, 0, 0], { seed: 0 })).toBe(1);
  });

  test('of many clusters are drawn, the same for the same seed', () => {
    const clusters = Int32Array.from({ length: 80 }, (_, at) => Math.floor(at / 2));
    const differences = Float64Array.from(clusters, (cluster) => (cluster % 3 === 0 ? 0 : 1));
    const p = signFlipTest(clusters, differences, { seed: 3 });
    expect(p).toBe(1 / 10_000);
    const mixed = differences.map((value, at) => (at % 5 < 3 ? value : -value));
    expect(signFlipTest(clusters, mixed, { seed: 3 })).toBe(
      signFlipTest(clusters, mixed, { seed: 3 }),
    );
  });
});

describe('what correlated questions are worth', () => {
  const clusters = Int32Array.from({ length: 40 }, (_, at) => Math.floor(at / 4));

  test('a page that stands and falls together is worth one question', () => {
    const values = Float64Array.from(clusters, (cluster) => cluster % 2);
    const { icc, designEffect, effectiveN } = worthOf({
      clusters,
      replicates: ONE,
      values: [values],
    });
    expect(icc).toBe(1);
    expect(designEffect).toBe(4);
    expect(effectiveN).toBe(10);
  });

  test('a negative correlation counts as none, and what never varies has none', () => {
    const apart = Float64Array.from(clusters, (_, at) => at % 2);
    expect(worthOf({ clusters, replicates: ONE, values: [apart] })).toMatchObject({
      designEffect: 1,
      effectiveN: 40,
    });
    expect(worthOf({ clusters, replicates: ONE, values: [apart.fill(1)] }).icc).toBeNull();
  });

  test('unequal clusters are worth fewer', () => {
    expect(effectiveClusters([5, 5, 5, 5])).toBe(4);
    expect(effectiveClusters([17, 1, 1, 1])).toBeLessThan(2.1);
  });

  test('equal clusters: the textbook standard error of their means, and what it could detect', () => {
    const values = Float64Array.from(clusters, (cluster, at) => (cluster * 7 + at * at) % 5);
    const { standardError, degrees } = uncertaintyOf({
      clusters,
      replicates: ONE,
      values: [values],
    })!;
    const means = Array.from(sumsByCluster(clusters, values).sums, (sum) => sum / 4);
    const centre = means.reduce((sum, mean) => sum + mean, 0) / 10;
    const variance = means.reduce((sum, mean) => sum + (mean - centre) ** 2, 0) / 9;
    expect(standardError).toBeCloseTo(Math.sqrt(variance / 10), 12);
    expect(degrees).toBeCloseTo(9, 12);
    const least = minimumDetectable({ mean: 0, standardError: 1, degrees: 1e6 })!;
    expect(least).toBeCloseTo(1.959964 + 0.841621, 4);
  });

  test('seeds that differ widen it, seeds that agree do not', () => {
    const values = Float64Array.from(clusters, (cluster) => cluster % 2);
    const replicates = [0, 1, 2].map((seed) => ({ seed, shotSeed: 0 }));
    const alike = { clusters, replicates, values: [values, values, values] };
    const alone = uncertaintyOf({ clusters, replicates: ONE, values: [values] })!;
    expect(uncertaintyOf(alike)).toEqual(alone);
    const other = { ...alike, values: [values, values, values.map(() => 1)] };
    expect(uncertaintyOf(other)!.standardError).toBeGreaterThan(alone.standardError);
    expect(uncertaintyOf(other)!.degrees).toBeLessThan(alone.degrees);
  });
});

test('an interval of one cluster does not exist', () => {
  const given = { tallies: [Float64Array.of(1, 2)], sizes: [2], measure: (s: Float64Array) => s };
  expect(bootstrapIntervals(given, { seed: 0 })).toBeUndefined();
});

describe('by simulation, few enough for a test', () => {
  const share = (tally: ReturnType<typeof pairTrials>, name: string) => {
    const { yes, of } = tally.get(name)!;
    return yes / of;
  };
  const shape = { pages: 30, perPage: 6, icc: 0.3 };

  test('clustered tests keep the level that the unclustered one breaks', () => {
    const tally = pairTrials(shape, 150);
    expect(share(tally, 'rejects: McNemar, unclustered')).toBeGreaterThan(0.1);
    expect(share(tally, 'rejects: sign flips by page')).toBeLessThan(0.1);
    expect(share(tally, 'rejects: t by page')).toBeLessThan(0.1);
    expect(share(tally, 'covers, difference: bca-t')).toBeGreaterThan(0.9);
  });

  test('intervals of an accuracy and of an F1 cover', () => {
    const tally = singleTrials(shape, 100);
    expect(share(tally, 'covers, accuracy: independent questions')).toBeLessThan(0.85);
    expect(share(tally, 'covers, accuracy: bca-t')).toBeGreaterThan(0.89);
    expect(share(tally, 'covers, macro F1: bca-t')).toBeGreaterThan(0.88);
  });

  test('seeds and pages together cover', () => {
    const seeds = { ...shape, seeds: 3, seedShare: 0.02, pageSeedShare: 0.05 };
    const tally = seedTrials(seeds, 200);
    expect(share(tally, 'covers, accuracy: t by page and seed')).toBeGreaterThan(0.9);
  });
});

test('seeded integers are uniform and repeatable', () => {
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
