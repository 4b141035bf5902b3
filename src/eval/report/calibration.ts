/**
 * Whether a candidate is right as often as it is sure: bins of a reliability diagram, and the mean
 * gap with its interval. Knows confidences, no layout.
 */
import { type BootstrapOptions, bootstrapIntervals } from '../inference/bootstrap.ts';
import { clustersOf } from '../inference/clusters.ts';
import { clusterCount } from '../inference/values.ts';
import type { Bounds } from './number-text.ts';
import type { Confidence, ConfidenceTally } from './tally.ts';

export interface Estimated extends Bounds {
  readonly value: number;
}

export interface Bin extends Bounds {
  readonly n: number;
  /** Mean confidence of the answers in the bin. */
  readonly confidence: number;
  readonly accuracy: number;
}

export interface Calibration {
  readonly model: string;
  readonly candidate: string;
  readonly scoring: string;
  readonly letters: string;
  readonly n: number;
  /** Mean confidence minus accuracy: above 0 is too sure. */
  readonly overconfidence: Estimated;
  readonly brier: Estimated;
  /** Mean distance of the bins from the diagonal. Biased upwards, so it has no interval. */
  readonly expectedError: number;
  readonly bins: readonly Bin[];
}

/** Bins hold equally many answers, so that each says something. */
const BINS = 6;

/** What is summed by cluster: first these, then `BIN` for each bin. */
const WHOLE = { n: 0, confidence: 1, right: 2, brier: 3, size: 4 };
const BIN = { n: 0, confidence: 1, right: 2, size: 3 };

export function calibrationOf(
  { answers, ...name }: ConfidenceTally,
  options: BootstrapOptions,
): Calibration {
  const bins = binsOf(answers);
  const count = Math.max(...bins) + 1;
  const tallies = talliesOf(answers, bins, count);
  const sums = tallies.reduce((total, own) => total.map((value, at) => value + own[at]!));
  const values = measure(sums);
  const sizes = tallies.map((own) => own[WHOLE.n]!);
  const ends = bootstrapIntervals({ tallies, sizes, measure }, options);
  const estimate = (at: number) => ({ value: values[at]!, ...boundsAt(ends, at) });
  const drawn = Array.from({ length: count }, (_, bin): Bin => {
    const { n, confidence } = binSums(sums, bin);
    return {
      n,
      confidence: confidence / n,
      accuracy: values[2 + bin]!,
      ...boundsAt(ends, 2 + bin),
    };
  });
  const gaps = drawn.map(({ n, confidence, accuracy }) => n * Math.abs(confidence - accuracy));
  return {
    ...name,
    n: answers.length,
    overconfidence: estimate(0),
    brier: estimate(1),
    expectedError: gaps.reduce((sum, gap) => sum + gap, 0) / answers.length,
    bins: drawn,
  };
}

/** The bin of each answer, by rank of confidence; equal confidences are in one bin. */
function binsOf(answers: readonly Confidence[]): number[] {
  const order = answers.map((_, at) => at);
  order.sort((a, b) => answers[a]!.confidence - answers[b]!.confidence);
  const bins = new Array<number>(answers.length);
  let bin = -1;
  order.forEach((at, rank) => {
    const wanted = Math.floor((rank * BINS) / answers.length);
    const before = rank === 0 ? undefined : answers[order[rank - 1]!]!.confidence;
    if (wanted > bin && answers[at]!.confidence !== before) bin += 1;
    bins[at] = bin;
  });
  return bins;
}

function talliesOf(answers: readonly Confidence[], bins: readonly number[], count: number) {
  const clusters = clustersOf(answers);
  const size = WHOLE.size + count * BIN.size;
  const tallies = Array.from({ length: clusterCount(clusters) }, () => new Float64Array(size));
  answers.forEach(({ confidence, right, brier }, at) => {
    const own = tallies[clusters[at]!]!;
    const bin = WHOLE.size + bins[at]! * BIN.size;
    const isRight = right ? 1 : 0;
    own[WHOLE.n]! += 1;
    own[WHOLE.confidence]! += confidence;
    own[WHOLE.right]! += isRight;
    own[WHOLE.brier]! += brier;
    own[bin + BIN.n]! += 1;
    own[bin + BIN.confidence]! += confidence;
    own[bin + BIN.right]! += isRight;
  });
  return tallies;
}

/** Overconfidence, Brier score, then the accuracy of each bin (one half where none fell into it). */
function measure(sums: Float64Array): number[] {
  const n = sums[WHOLE.n]!;
  const count = (sums.length - WHOLE.size) / BIN.size;
  const accuracies = Array.from({ length: count }, (_, bin) => {
    const own = binSums(sums, bin);
    return own.n === 0 ? 0.5 : own.right / own.n;
  });
  return [
    (sums[WHOLE.confidence]! - sums[WHOLE.right]!) / n,
    sums[WHOLE.brier]! / n,
    ...accuracies,
  ];
}

function binSums(sums: Float64Array, bin: number) {
  const at = WHOLE.size + bin * BIN.size;
  return {
    n: sums[at + BIN.n]!,
    confidence: sums[at + BIN.confidence]!,
    right: sums[at + BIN.right]!,
  };
}

function boundsAt(ends: readonly { low: number; high: number }[] | undefined, at: number): Bounds {
  return ends?.[at] ?? { low: null, high: null };
}
