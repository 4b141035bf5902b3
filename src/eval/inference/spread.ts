/**
 * How far a mean may be off: the variance between clusters, what correlated questions are worth, and
 * what the seeds add. Knows values by question, no label and no test.
 */
import {
  averaged,
  clusterCount,
  meanOf,
  type Replicate,
  type Sample,
  sumsByCluster,
} from './values.ts';

export interface Uncertainty {
  readonly mean: number;
  /** Standard error over clusters and, where there are several, over seeds. */
  readonly standardError: number;
  /** Degrees of freedom of the standard error, by Satterthwaite's rule over its parts. */
  readonly degrees: number;
}

/**
 * Mean and standard error of a sample; undefined with fewer than two clusters. The variance adds a
 * part for the clusters (of the values averaged over replicates) and one for each kind of seed that
 * has several. What pages and seeds do together is in both parts, so the sum errs on the wide side.
 */
export function uncertaintyOf(sample: Sample): Uncertainty | undefined {
  const values = averaged(sample);
  const clusters = clusterCount(sample.clusters);
  if (clusters < 2) return undefined;
  const effective = effectiveClusters(sumsByCluster(sample.clusters, values).sizes) - 1;
  const parts = [
    { variance: clusterVariance(sample.clusters, values), degrees: effective },
    ...seedParts(sample.replicates, sample.values.map(meanOf)),
  ];
  return { mean: meanOf(values), ...combined(parts, effective) };
}

/** As `uncertaintyOf`, of any measure: its value a replicate, and without each cluster in turn. */
export function withSeeds({
  clusters,
  replicates,
  means,
  leftOut,
}: {
  clusters: Int32Array;
  replicates: readonly Replicate[];
  means: readonly number[];
  leftOut: readonly number[];
}): Uncertainty {
  const effective = effectiveClusters(sumsByCluster(clusters, clusters).sizes) - 1;
  const parts = [
    { variance: jackknifeVariance(leftOut), degrees: effective },
    ...seedParts(replicates, means),
  ];
  return { mean: meanOf(means), ...combined(parts, effective) };
}

/** (G − 1) / G · Σ (value without the cluster − their mean)²: Tukey's, with clusters left out. */
function jackknifeVariance(leftOut: readonly number[]): number {
  const mean = meanOf(leftOut);
  const squares = leftOut.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return ((leftOut.length - 1) / leftOut.length) * squares;
}

interface VariancePart {
  readonly variance: number;
  readonly degrees: number;
}

function combined(parts: readonly VariancePart[], otherwise: number) {
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  return {
    standardError: Math.sqrt(variance),
    degrees: satterthwaite(parts, variance, otherwise),
  };
}

/**
 * Variance of a mean over clusters of unequal sizes, by leaving each cluster out in turn (CR3, after
 * MacKinnon and White 1985): a large cluster draws the mean towards itself, so that its own residual
 * is too small by its share of the questions.
 */
function clusterVariance(clusters: Int32Array, values: ArrayLike<number>): number {
  const { sums, sizes } = sumsByCluster(clusters, values);
  const mean = meanOf(values);
  let squares = 0;
  sums.forEach((sum, at) => {
    const size = sizes[at]!;
    squares += ((sum - mean * size) / (clusters.length - size)) ** 2;
  });
  return ((sums.length - 1) / sums.length) * squares;
}

/**
 * How many clusters of equal size tell as much of the spread (Carter, Schnepel and Steigerwald 2017,
 * at full correlation): (Σ n)² / Σ n². A few large pages make fewer degrees of freedom than their
 * number says. At least 2.
 */
export function effectiveClusters(sizes: ArrayLike<number>): number {
  let total = 0;
  let squares = 0;
  for (let at = 0; at < sizes.length; at++) {
    total += sizes[at]!;
    squares += sizes[at]! ** 2;
  }
  return Math.max(2, total ** 2 / squares);
}

function seedParts(replicates: readonly Replicate[], means: readonly number[]): VariancePart[] {
  return (['seed', 'shotSeed'] as const).flatMap((factor) =>
    factorPart(
      replicates.map((replicate) => replicate[factor]),
      means,
    ),
  );
}

/** The variance of the mean of the levels' own means; nothing where the factor has one level. */
function factorPart(levels: readonly (number | null)[], means: readonly number[]): VariancePart[] {
  const names = [...new Set(levels)];
  if (names.length < 2) return [];
  const ofLevel = names.map((name) => meanOf(means.filter((_, at) => levels[at] === name)));
  const centre = meanOf(ofLevel);
  const squares = ofLevel.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  const degrees = names.length - 1;
  return [{ variance: squares / degrees / names.length, degrees }];
}

function satterthwaite(
  parts: readonly VariancePart[],
  variance: number,
  otherwise: number,
): number {
  const below = parts.reduce((sum, part) => sum + part.variance ** 2 / part.degrees, 0);
  return below === 0 ? otherwise : variance ** 2 / below;
}

export interface Worth {
  /** Intra-cluster correlation, the analysis of variance's estimate; null where nothing varies. */
  readonly icc: number | null;
  /** How many times the variance of independent questions; at least 1. */
  readonly designEffect: number | null;
  /** How many independent questions these are worth. */
  readonly effectiveN: number | null;
}

/**
 * What correlated questions are worth (Kish 1965): 1 + (ñ − 1) · ICC, with ñ = Σ n² / Σ n so that
 * large clusters weigh as they do in the variance. A negative estimate of the correlation counts as 0.
 */
export function worthOf(sample: Sample): Worth {
  const values = averaged(sample);
  const icc = intraClusterCorrelation(sample.clusters, values);
  if (icc === undefined) return { icc: null, designEffect: null, effectiveN: null };
  const { sizes } = sumsByCluster(sample.clusters, values);
  const typical = sizes.reduce((sum, size) => sum + size * size, 0) / values.length;
  const designEffect = 1 + (typical - 1) * Math.max(0, icc);
  return { icc, designEffect, effectiveN: values.length / designEffect };
}

/** One-way analysis of variance with unequal sizes (Donner 1986). */
function intraClusterCorrelation(clusters: Int32Array, values: Float64Array): number | undefined {
  const { sums, sizes } = sumsByCluster(clusters, values);
  const [n, groups] = [values.length, sums.length];
  if (groups < 2 || n === groups) return undefined;
  const mean = meanOf(values);
  let between = 0;
  sums.forEach((sum, at) => {
    between += sizes[at]! * (sum / sizes[at]! - mean) ** 2;
  });
  const total = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  if (total === 0) return undefined;
  const within = Math.max(0, total - between) / (n - groups);
  const squares = sizes.reduce((sum, size) => sum + size * size, 0);
  const typical = (n - squares / n) / (groups - 1);
  const spread = between / (groups - 1);
  return (spread - within) / (spread + (typical - 1) * within);
}
