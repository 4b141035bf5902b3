/**
 * What can be had without any model: the accuracy of always giving the training claims' most
 * frequent label, and of a naive Bayes on the words of the claim. Knows claims, no prompt's shots.
 */
import { LABELS, type Label } from '../fever/label.ts';
import { type BootstrapOptions, clusteredInterval } from './bootstrap.ts';
import { metricsOf } from './metrics.ts';
import { majorityLabel, trainNaiveBayes } from './naive-bayes.ts';
import type { Prompt, TrainingClaim } from './prompt.ts';
import type { Cell } from './result.ts';

export interface Baseline {
  readonly name: 'majority' | 'naive-bayes';
  /** The label that `majority` always gives. */
  readonly label?: string;
  readonly n: number;
  readonly accuracy: number;
  /** Bounds of a 95 % interval; null where there are not two pages. */
  readonly low: number | null;
  readonly high: number | null;
  readonly f1MacroUnion: number;
  readonly f1MacroFixed3: number;
}

/** Both baselines on each question once; none without training claims or questions. */
export function baselinesOf(
  prompts: readonly Prompt[],
  training: readonly TrainingClaim[],
  options: BootstrapOptions,
): Baseline[] {
  const questions = askedOnce(prompts);
  if (training.length === 0 || questions.length === 0) return [];
  const majority = majorityLabel(training, LABELS);
  const model = trainNaiveBayes(training, LABELS);
  return [
    { name: 'majority', label: majority, ...judge(questions, () => majority, options) },
    { name: 'naive-bayes', ...judge(questions, ({ claim }) => model.predict(claim), options) },
  ];
}

/**
 * The cell that naive Bayes would have in `cell`'s place: its answers to the same questions, so that
 * the two can be compared. Undefined without training claims.
 */
export function naiveBayesCell(
  cell: Cell,
  prompts: readonly Prompt[],
  training: readonly TrainingClaim[],
): Cell | undefined {
  if (training.length === 0) return undefined;
  const model = trainNaiveBayes(training, LABELS);
  const claims = prompts.filter(({ shots }) => shots === cell.shots);
  const predictions = cell.predictions.map((item, at) => ({
    ...item,
    predicted: model.predict(claims[at]!.claim) as Label,
  }));
  return { ...cell, candidate: 'naive-bayes', predictions };
}

/** The questions at the smallest number of shots: every number asks the same ones. */
function askedOnce(prompts: readonly Prompt[]): Prompt[] {
  const fewest = Math.min(...new Set(prompts.map(({ shots }) => shots)));
  return prompts.filter(({ shots }) => shots === fewest);
}

interface Question {
  readonly page: string;
  readonly claim: string;
  readonly gold: Label;
}

function judge(
  questions: readonly Question[],
  predict: (question: Question) => string,
  options: BootstrapOptions,
) {
  const judged = questions.map((question) => ({ ...question, predicted: predict(question) }));
  const { n, accuracy, f1MacroUnion, f1MacroFixed3 } = metricsOf(judged);
  const observations = judged.map(({ page, gold, predicted }) => ({
    cluster: page,
    value: gold === predicted ? 1 : 0,
  }));
  const interval = clusteredInterval(observations, options);
  const { low, high } = interval ?? { low: null, high: null };
  return { n, accuracy, low, high, f1MacroUnion, f1MacroFixed3 };
}
