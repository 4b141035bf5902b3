/**
 * A number for every question (right or wrong, or a difference of two such), once a replicate, and
 * what its mean can vary by: the clusters that were drawn, and the seeds. Knows no label.
 */

/** One replicate's values, and which seed each of its factors had. */
export interface Replicate {
  /** Training seed and choice of shots; null where that factor does not exist. */
  readonly seed: number | null;
  readonly shotSeed: number | null;
}

export interface Sample {
  /** The cluster of each question, from 0 without a gap. */
  readonly clusters: Int32Array;
  readonly replicates: readonly Replicate[];
  /** By replicate, a value a question. */
  readonly values: readonly ArrayLike<number>[];
}

/** The mean over the replicates of each question's value. */
export function averaged({ values }: Sample): Float64Array {
  const mean = new Float64Array(values[0]!.length);
  for (const own of values) for (let at = 0; at < mean.length; at++) mean[at]! += own[at]!;
  return mean.map((sum) => sum / values.length);
}

export function meanOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let at = 0; at < values.length; at++) sum += values[at]!;
  return sum / values.length;
}

/** By cluster: the sum of its values and how many there are. */
export interface ClusterSums {
  readonly sums: Float64Array;
  readonly sizes: Float64Array;
}

export function sumsByCluster(clusters: Int32Array, values: ArrayLike<number>): ClusterSums {
  const count = clusterCount(clusters);
  const sums = new Float64Array(count);
  const sizes = new Float64Array(count);
  clusters.forEach((cluster, at) => {
    sums[cluster]! += values[at]!;
    sizes[cluster]! += 1;
  });
  return { sums, sizes };
}

export function clusterCount(clusters: Int32Array): number {
  let highest = -1;
  for (const cluster of clusters) if (cluster > highest) highest = cluster;
  return highest + 1;
}
