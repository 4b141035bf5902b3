/**
 * Intervals from a bootstrap that resamples whole clusters: the questions of a page share their
 * evidence and their examples. Works on any measure of sums over clusters (an accuracy, an F1). Knows
 * no label and no page.
 */
import { seededInteger } from '../random.ts';
import { normalProbability, normalQuantile, studentQuantile } from './distribution.ts';
import { effectiveClusters } from './spread.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

export interface BootstrapOptions {
  readonly seed: number;
  /** Default 2,000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /**
   * `percentile`: the plain quantiles, which cover too seldom with few clusters. `bca`: corrected for
   * bias and skew (Efron 1987). `bca-t` (default): the same with the quantiles of Student's t and the
   * variance's factor G / (G − 1), after Hesterberg's expanded percentiles (2015), where G is the
   * effective number of clusters.
   */
  readonly method?: 'percentile' | 'bca' | 'bca-t';
}

export interface Tallied {
  /** By cluster, counts of a fixed length. */
  readonly tallies: readonly Float64Array[];
  /** By cluster, how many questions it holds. */
  readonly sizes: ArrayLike<number>;
  /** What is wanted of the sum of the tallies: one number a measure. */
  readonly measure: (sums: Float64Array) => ArrayLike<number>;
}

type Measured = Omit<Tallied, 'sizes'>;

/** One interval a measure; undefined with fewer than two clusters, which tell nothing of a spread. */
export function bootstrapIntervals(
  { tallies, sizes, measure }: Tallied,
  { seed, resamples = 2000, level = 0.95, method = 'bca-t' }: BootstrapOptions,
): Interval[] | undefined {
  if (tallies.length < 2) return undefined;
  const observed = Array.from(measure(sumOf(tallies)));
  const samples = resampled({ tallies, measure }, { seed, resamples, count: observed.length });
  const shares = endShares(level, method === 'bca-t' ? effectiveClusters(sizes) : undefined);
  if (method === 'percentile') return samples.map((sorted) => between(sorted, shares));
  const left = jackknife({ tallies, measure });
  return samples.map((sorted, at) => {
    const correction = {
      bias: biasOf(sorted, observed[at]!),
      skew: accelerationOf(left.map((values) => values[at]!)),
    };
    return between(sorted, [corrected(shares[0], correction), corrected(shares[1], correction)]);
  });
}

/** Sorted values of each measure over the resamples. */
function resampled(
  { tallies, measure }: Measured,
  { seed, resamples, count }: { seed: number; resamples: number; count: number },
): Float64Array[] {
  const draw = seededInteger(seed, 'bootstrap');
  const samples = Array.from({ length: count }, () => new Float64Array(resamples));
  const sums = new Float64Array(tallies[0]!.length);
  for (let sample = 0; sample < resamples; sample++) {
    sums.fill(0);
    for (let pick = 0; pick < tallies.length; pick++) addTo(sums, tallies[draw(tallies.length)]!);
    const values = measure(sums);
    for (let at = 0; at < count; at++) samples[at]![sample] = values[at]!;
  }
  for (const own of samples) own.sort();
  return samples;
}

function sumOf(tallies: readonly Float64Array[]): Float64Array {
  const sums = new Float64Array(tallies[0]!.length);
  for (const own of tallies) addTo(sums, own);
  return sums;
}

function addTo(sums: Float64Array, own: Float64Array): void {
  for (let at = 0; at < sums.length; at++) sums[at]! += own[at]!;
}

/** The shares of the resamples below the interval's ends, before any correction. */
function endShares(level: number, clusters: number | undefined): readonly [number, number] {
  const tail = (1 - level) / 2;
  if (clusters === undefined) return [tail, 1 - tail];
  const z = Math.sqrt(clusters / (clusters - 1)) * studentQuantile(tail, clusters - 1);
  const wider = normalProbability(z);
  return [wider, 1 - wider];
}

function between(sorted: Float64Array, [low, high]: readonly [number, number]): Interval {
  return { low: quantile(sorted, low), high: quantile(sorted, high) };
}

/** The measures without each cluster in turn. */
function jackknife({ tallies, measure }: Measured): ArrayLike<number>[] {
  const whole = sumOf(tallies);
  return tallies.map((own) => Array.from(measure(whole.map((sum, at) => sum - own[at]!))));
}

/** How far the resamples' median lies from what was observed, in standard deviations. */
function biasOf(sorted: Float64Array, observed: number): number {
  let below = 0;
  let equal = 0;
  for (const value of sorted) {
    if (value < observed - 1e-12) below += 1;
    else if (value <= observed + 1e-12) equal += 1;
  }
  const share = (below + equal / 2) / sorted.length;
  const least = 0.5 / sorted.length;
  return normalQuantile(Math.min(1 - least, Math.max(least, share)));
}

/** How fast the standard error changes with the value, from the jackknife's third moment. */
function accelerationOf(left: readonly number[]): number {
  const mean = left.reduce((sum, value) => sum + value, 0) / left.length;
  let squares = 0;
  let cubes = 0;
  for (const value of left) {
    squares += (mean - value) ** 2;
    cubes += (mean - value) ** 3;
  }
  return squares === 0 ? 0 : cubes / (6 * squares ** 1.5);
}

function corrected(share: number, { bias, skew }: { bias: number; skew: number }): number {
  const z = bias + normalQuantile(share);
  return normalProbability(bias + z / (1 - skew * z));
}

/** Linear interpolation between order statistics (numpy's default) of ascending `sorted`. */
export function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}
