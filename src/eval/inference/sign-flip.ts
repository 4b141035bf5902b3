/**
 * A permutation test of paired answers that knows of their clusters: under the null it is chance
 * which of two systems is called the first, and it is one chance for a whole cluster. Knows values by
 * question only.
 */
import { seededInteger } from '../random.ts';
import { sumsByCluster } from './values.ts';

export interface SignFlipOptions {
  readonly seed: number;
  /** Default 9,999, so that the smallest p-value is 1 / 10,000. */
  readonly flips?: number;
}

/** Up to this many clusters that differ, all flips are enumerated and the p-value is exact. */
const EXACT_CLUSTERS = 13;

/**
 * Two-sided p-value of the sum of `differences` (first minus second, a question each) when the sign
 * of each cluster is flipped. Never 0: what was observed is one of the flips.
 */
export function signFlipTest(
  clusters: Int32Array,
  differences: ArrayLike<number>,
  { seed, flips = 9999 }: SignFlipOptions,
): number {
  const { sums } = sumsByCluster(clusters, differences);
  const own = sums.filter((sum) => sum !== 0);
  const observed = Math.abs(own.reduce((total, sum) => total + sum, 0));
  // Sums of thirds differ in their last digits by the order of adding.
  const least = observed - 1e-9 * own.reduce((total, sum) => total + Math.abs(sum), 0);
  if (own.length === 0) return 1;
  if (own.length <= EXACT_CLUSTERS) return exactShare(own, least);
  return sampledShare(own, least, { seed, flips });
}

function exactShare(sums: Float64Array, least: number): number {
  const patterns = 2 ** sums.length;
  let extreme = 0;
  for (let pattern = 0; pattern < patterns; pattern++) {
    let total = 0;
    for (let at = 0; at < sums.length; at++) total += (pattern >> at) & 1 ? -sums[at]! : sums[at]!;
    if (Math.abs(total) >= least) extreme += 1;
  }
  return extreme / patterns;
}

function sampledShare(
  sums: Float64Array,
  least: number,
  { seed, flips }: { seed: number; flips: number },
): number {
  const draw = seededInteger(seed, 'sign flips');
  let extreme = 0;
  for (let flip = 0; flip < flips; flip++) {
    let total = 0;
    let bits = 0;
    for (let at = 0; at < sums.length; at++) {
      if (at % 31 === 0) bits = draw(2 ** 31);
      total += bits & 1 ? -sums[at]! : sums[at]!;
      bits >>>= 1;
    }
    if (Math.abs(total) >= least) extreme += 1;
  }
  return (extreme + 1) / (flips + 1);
}
