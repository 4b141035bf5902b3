/**
 * Percentile intervals from a bootstrap clustered by page: the questions of a page share their
 * evidence and their examples, so whole pages are resampled and not single questions. Knows numbers
 * and cluster names only.
 */
import { seededInteger } from './random.ts';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** One question's value (1 or 0 for right or wrong; a difference of two for a paired comparison). */
export interface Observation {
  readonly cluster: string;
  readonly value: number;
}

export interface BootstrapOptions {
  readonly seed: number;
  /** Default 2,000: the ends of a 95 % interval are then order statistics 50 and 1,950. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
}

/**
 * Interval of the mean value. `undefined` with fewer than two clusters: one page tells nothing of
 * the spread between pages. Does not depend on the order of the observations.
 */
export function clusteredInterval(
  observations: readonly Observation[],
  { seed, resamples = 2000, level = 0.95 }: BootstrapOptions,
): Interval | undefined {
  const clusters = sumsByCluster(observations);
  if (clusters.length < 2) return undefined;
  const draw = seededInteger(seed, 'bootstrap');
  const means = new Float64Array(resamples);
  for (let sample = 0; sample < resamples; sample++) {
    let sum = 0;
    let count = 0;
    for (let pick = 0; pick < clusters.length; pick++) {
      const cluster = clusters[draw(clusters.length)]!;
      sum += cluster.sum;
      count += cluster.count;
    }
    means[sample] = sum / count;
  }
  means.sort();
  const tail = (1 - level) / 2;
  return { low: quantile(means, tail), high: quantile(means, 1 - tail) };
}

function sumsByCluster(observations: readonly Observation[]): { sum: number; count: number }[] {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { cluster, value } of observations) {
    const entry = sums.get(cluster) ?? { sum: 0, count: 0 };
    entry.sum += value;
    entry.count += 1;
    sums.set(cluster, entry);
  }
  return [...sums.keys()].sort().map((name) => sums.get(name)!);
}

/** Linear interpolation between order statistics (numpy's default) of ascending `sorted`. */
export function quantile(sorted: Float64Array, share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (at - below);
}
