/**
 * A cell's metrics with their intervals and what its questions are worth. Knows predictions and
 * clusters; no other cell but the one that `changedPredictions` looks at.
 */
import { type Answers, type Cell, type CellName, nameOf, rightness, seedsOf } from './cell.ts';
import { bootstrapIntervals, type Interval } from './inference/bootstrap.ts';
import {
  confusionTallies,
  MEASURES,
  type Measure,
  measureTally,
  TALLY_LENGTH,
} from './inference/confusion-tally.ts';
import { uncertaintyOf, type Worth, withSeeds, worthOf } from './inference/spread.ts';
import { studentInterval } from './inference/student.ts';
import { meanOf, type Sample, sumsByCluster } from './inference/values.ts';
import { METRICS, type Metrics, metricsOf } from './metrics.ts';

export type CandidateKind = 'base' | 'memory' | 'control' | 'baseline';

export interface ReplicateMetrics extends Metrics {
  readonly seed: number | null;
  readonly shotSeed: number | null;
}

export interface ResultRow extends CellName, Metrics, Worth {
  readonly kind: CandidateKind;
  readonly seeds: readonly (number | null)[];
  readonly shotSeeds: readonly (number | null)[];
  /** 95 % intervals; null where all questions are one cluster. */
  readonly intervals: Readonly<Record<Measure, Interval>> | null;
  /** Of the accuracy. */
  readonly standardError: number | null;
  /** Largest |difference| of a logit to `pretrained`; null where prompts or models are other ones. */
  readonly maxAbsLogitDelta: number | null;
  /** Share of the answers that differ from `pretrained`'s; null where there is none to compare with. */
  readonly changedPredictions: number | null;
  readonly replicates: readonly ReplicateMetrics[];
}

export interface RowOptions {
  readonly kind: CandidateKind;
  readonly clusters: Int32Array;
  readonly seed: number;
  readonly reference: Cell | undefined;
  readonly maxAbsLogitDelta: number | null;
}

export function rowOf(cell: Cell, options: RowOptions): ResultRow {
  const { kind, clusters, reference, maxAbsLogitDelta } = options;
  const replicates = cell.replicates.map(({ seed, shotSeed, predictions }) => ({
    seed,
    shotSeed,
    ...metricsOf(predictions),
  }));
  const sample: Sample = {
    clusters,
    replicates,
    values: cell.replicates.map(({ predictions }) => rightness(predictions)),
  };
  return {
    ...nameOf(cell),
    kind,
    ...seedsOf(replicates),
    ...meanMetrics(replicates),
    intervals: intervalsOf(cell, sample, options.seed),
    standardError: uncertaintyOf(sample)?.standardError ?? null,
    ...worthOf(sample),
    maxAbsLogitDelta,
    changedPredictions: changedShare(cell, reference),
    replicates,
  };
}

/** The mean over replicates of each metric; `n` is that of one replicate. */
function meanMetrics(replicates: readonly Metrics[]): Metrics {
  const means = METRICS.map((name) => [name, meanOf(replicates.map((own) => own[name]))]);
  return Object.fromEntries(means) as Metrics;
}

/**
 * From the clustered bootstrap where there is one replicate. Several seeds are too few to resample:
 * there the bootstrap gives the pages' part of the variance, the seeds' own means give theirs, and
 * the interval is Student's.
 */
function intervalsOf(
  { replicates }: Cell,
  { clusters }: Sample,
  seed: number,
): Record<Measure, Interval> | null {
  const tallies = confusionTallies(
    clusters,
    replicates.map(({ predictions }) => predictions),
  );
  const { sizes } = sumsByCluster(clusters, clusters);
  const intervals = bootstrapIntervals({ tallies, sizes, measure: measureTally }, { seed });
  if (intervals === undefined) return null;
  const final = replicates.length === 1 ? intervals : seeded(replicates, { tallies, clusters });
  return Object.fromEntries(MEASURES.map((name, at) => [name, final[at]!])) as Record<
    Measure,
    Interval
  >;
}

function seeded(
  replicates: readonly Answers[],
  { tallies, clusters }: { tallies: readonly Float64Array[]; clusters: Int32Array },
): Interval[] {
  const whole = tallies.reduce((sum, own) => sum.map((value, at) => value + own[at]!));
  const left = tallies.map((own) => measureTally(whole.map((value, at) => value - own[at]!)));
  const byReplicate = replicates.map((_, at) =>
    measureTally(whole.subarray(at * TALLY_LENGTH, (at + 1) * TALLY_LENGTH)),
  );
  return MEASURES.map((_, measure) => {
    const uncertainty = withSeeds({
      clusters,
      replicates,
      means: byReplicate.map((values) => values[measure]!),
      leftOut: left.map((values) => values[measure]!),
    });
    const { low, high } = studentInterval(uncertainty);
    return { low: Math.max(0, low), high: Math.min(1, high) };
  });
}

function changedShare(cell: Cell, reference: Cell | undefined): number | null {
  if (reference === undefined) return null;
  let changed = 0;
  let all = 0;
  for (const { shotSeed, predictions } of cell.replicates) {
    const other = reference.replicates.find((item) => item.shotSeed === shotSeed);
    predictions.forEach(({ predicted }, at) => {
      all += 1;
      if (other !== undefined && other.predictions[at]!.predicted !== predicted) changed += 1;
    });
  }
  return changed / all;
}
