/**
 * Metrics of predicted labels against gold labels: the confusion matrix, accuracy and the F1
 * variants that the note and its critics use. Knows no model, no prompt and no page.
 *
 * With C correct answers, N questions and V answers that are a real label: accuracy = C / N, and
 * micro F1 over the union with INVALID equals it (every wrong answer is one false positive and one
 * false negative); micro F1 over real labels only is 2C / (V + N). The macro averages follow
 * scikit-learn's `f1_score` with `zero_division=0` and differ in the labels that they average over.
 * Balanced accuracy is the mean recall of the labels that have gold questions.
 */
import { LABELS } from '../fever/label.ts';
import { INVALID } from './answer.ts';

/** A gold label and the answer to the same question. Both are strings so that any label set works. */
export interface Judged {
  readonly gold: string;
  readonly predicted: string;
}

/** Counts by gold label (outer) and answer (inner); absent means 0. */
export type Confusion = ReadonlyMap<string, ReadonlyMap<string, number>>;

export interface Metrics {
  readonly n: number;
  readonly accuracy: number;
  readonly f1Micro: number;
  readonly f1MicroReal: number;
  readonly f1MacroUnion: number;
  readonly f1MacroFixed3: number;
  readonly f1MacroSupport: number;
  readonly balancedAccuracy: number;
  readonly invalidRate: number;
}

export const METRICS = [
  'n',
  'accuracy',
  'f1Micro',
  'f1MicroReal',
  'f1MacroUnion',
  'f1MacroFixed3',
  'f1MacroSupport',
  'balancedAccuracy',
  'invalidRate',
] as const satisfies readonly (keyof Metrics)[];

/** Counts each (gold, predicted) pair. Rows and columns are in order of first appearance. */
export function confusionOf(judged: readonly Judged[]): Confusion {
  const matrix = new Map<string, Map<string, number>>();
  for (const { gold, predicted } of judged) {
    let row = matrix.get(gold);
    if (row === undefined) {
      row = new Map();
      matrix.set(gold, row);
    }
    row.set(predicted, (row.get(predicted) ?? 0) + 1);
  }
  return matrix;
}

/** All metrics of a list of answers. @throws RangeError when the list is empty: no metric exists then. */
export function metricsOf(judged: readonly Judged[]): Metrics {
  const n = judged.length;
  if (n === 0) throw new RangeError('metricsOf: no answers to judge');
  const correct = judged.filter((item) => item.gold === item.predicted).length;
  const invalid = judged.filter((item) => item.predicted === INVALID).length;
  const f1 = f1ByLabel(judged);
  const gold = new Set(judged.map((item) => item.gold));
  return {
    n,
    accuracy: correct / n,
    f1Micro: correct / n,
    f1MicroReal: (2 * correct) / (n - invalid + n),
    f1MacroUnion: mean([...f1.values()]),
    f1MacroFixed3: mean(LABELS.map((label) => f1.get(label) ?? 0)),
    f1MacroSupport: mean([...gold].map((label) => f1.get(label) ?? 0)),
    balancedAccuracy: mean([...gold].map((label) => recallOf(label, judged))),
    invalidRate: invalid / n,
  };
}

/** F1 of every label in truth ∪ prediction: 2·TP / (gold + predicted), never 0 / 0 for those labels. */
export function f1ByLabel(judged: readonly Judged[]): ReadonlyMap<string, number> {
  const counts = new Map<string, { hits: number; mentions: number }>();
  const countOf = (label: string) => {
    const count = counts.get(label) ?? { hits: 0, mentions: 0 };
    counts.set(label, count);
    return count;
  };
  for (const { gold, predicted } of judged) {
    countOf(gold).mentions += 1;
    countOf(predicted).mentions += 1;
    if (gold === predicted) countOf(gold).hits += 1;
  }
  const labels = [...counts.keys()].sort();
  return new Map(
    labels.map((label) => {
      const { hits, mentions } = counts.get(label)!;
      return [label, (2 * hits) / mentions];
    }),
  );
}

/** The share of a gold label's questions that are answered with it. */
function recallOf(label: string, judged: readonly Judged[]): number {
  const own = judged.filter(({ gold }) => gold === label);
  return own.filter(({ predicted }) => predicted === label).length / own.length;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
