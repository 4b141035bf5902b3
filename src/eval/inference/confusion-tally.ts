/**
 * Confusion counts by cluster, as flat rows that a bootstrap can add up, and the metrics of such a
 * row. Knows the labels and INVALID; no page and no interval.
 */
import { LABELS, type Label } from '../../fever/label.ts';
import { type Answer, INVALID } from '../answer.ts';
import { clusterCount } from './values.ts';

const ANSWERS: readonly Answer[] = [...LABELS, INVALID];
/** Counts a replicate: gold label (outer) by answer. */
export const TALLY_LENGTH = LABELS.length * ANSWERS.length;

interface JudgedAnswer {
  readonly gold: Label;
  readonly predicted: Answer;
}

/** By cluster, the counts of every replicate one after another. */
export function confusionTallies(
  clusters: Int32Array,
  replicates: readonly (readonly JudgedAnswer[])[],
): Float64Array[] {
  const length = TALLY_LENGTH * replicates.length;
  const tallies = Array.from({ length: clusterCount(clusters) }, () => new Float64Array(length));
  replicates.forEach((answers, replicate) => {
    answers.forEach((item, at) => {
      tallies[clusters[at]!]![TALLY_LENGTH * replicate + placeOf(item)]! += 1;
    });
  });
  return tallies;
}

function placeOf({ gold, predicted }: JudgedAnswer): number {
  return LABELS.indexOf(gold) * ANSWERS.length + ANSWERS.indexOf(predicted);
}

/** What intervals are wanted of, in the order of `measureTally`'s numbers. */
export const MEASURES = [
  'accuracy',
  'f1Micro',
  'f1MicroReal',
  'f1MacroUnion',
  'f1MacroFixed3',
  'f1MacroSupport',
  'balancedAccuracy',
  'invalidRate',
] as const;

export type Measure = (typeof MEASURES)[number];

/** The measures of summed tallies, each its mean over the replicates. Defined as in `metrics.ts`. */
export function measureTally(sums: Float64Array): Float64Array {
  const replicates = sums.length / TALLY_LENGTH;
  const means = new Float64Array(MEASURES.length);
  for (let at = 0; at < replicates; at++) addMeasures(sums, at * TALLY_LENGTH, means);
  return means.map((sum) => sum / replicates);
}

function addMeasures(sums: Float64Array, from: number, into: Float64Array): void {
  const { n, correct, invalid, union, fixed3, support, labels, goldLabels, recall } = countsOf(
    sums,
    from,
  );
  const accuracy = correct / n;
  into[0]! += accuracy;
  into[1]! += accuracy;
  into[2]! += (2 * correct) / (2 * n - invalid);
  into[3]! += union / labels;
  into[4]! += fixed3 / LABELS.length;
  into[5]! += support / goldLabels;
  into[6]! += recall / goldLabels;
  into[7]! += invalid / n;
}

/** F1 and recall summed over the labels that each average is over, and the labels' numbers. */
function countsOf(sums: Float64Array, from: number) {
  const width = ANSWERS.length;
  const at = (gold: number, answer: number) => sums[from + gold * width + answer]!;
  const counts = { n: 0, correct: 0, invalid: 0, labels: 0, goldLabels: 0 };
  const totals = { union: 0, fixed3: 0, support: 0, recall: 0 };
  for (let label = 0; label < LABELS.length; label++) {
    let gold = 0;
    let answered = 0;
    for (let other = 0; other < width; other++) gold += at(label, other);
    for (let other = 0; other < LABELS.length; other++) answered += at(other, label);
    const hits = at(label, label);
    counts.n += gold;
    counts.correct += hits;
    counts.invalid += at(label, width - 1);
    if (gold + answered === 0) continue;
    const f1 = (2 * hits) / (gold + answered);
    counts.labels += 1;
    totals.union += f1;
    totals.fixed3 += f1;
    if (gold === 0) continue;
    counts.goldLabels += 1;
    totals.support += f1;
    totals.recall += hits / gold;
  }
  if (counts.invalid > 0) counts.labels += 1; // INVALID is in the union, with an F1 of 0
  return { ...counts, ...totals };
}
