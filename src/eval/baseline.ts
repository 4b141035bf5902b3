/**
 * What can be had without any model: always giving the training claims' most frequent label, and a
 * naive Bayes on the words of the claim. Candidates like any other, but they see no prompt.
 */
import { LABELS, type Label } from '../fever/label.ts';
import { majorityLabel, trainNaiveBayes } from './naive-bayes.ts';
import type { Prediction } from './prediction.ts';
import type { Prompt, TrainingClaim } from './prompt.ts';
import { CLAIM_ONLY } from './scoring.ts';

export const BASELINES = ['majority', 'naive-bayes'] as const;

/** Both baselines' answers to each question once, at 0 shots; none without training claims. */
export function baselinePredictions(
  model: string,
  prompts: readonly Prompt[],
  training: readonly TrainingClaim[],
): Prediction[] {
  if (training.length === 0) return [];
  const majority = majorityLabel(training, LABELS) as Label;
  const bayes = trainNaiveBayes(training, LABELS);
  const questions = askedOnce(prompts);
  const answerBy = {
    majority: () => majority,
    'naive-bayes': (claim: string) => bayes.predict(claim) as Label,
  };
  return BASELINES.flatMap((candidate) =>
    questions.map(({ claimId, page, claim, gold }) => ({
      model,
      candidate,
      seed: null,
      shots: 0,
      shotSeed: 0,
      letters: 'abc',
      scoring: CLAIM_ONLY,
      claimId,
      page,
      prompt: null,
      gold,
      predicted: answerBy[candidate](claim),
      scores: null,
    })),
  );
}

/** The questions of the first kind of prompt: every number and choice of shots asks the same ones. */
export function askedOnce(prompts: readonly Prompt[]): Prompt[] {
  const [first] = prompts;
  if (first === undefined) return [];
  return prompts.filter(
    ({ shots, shotSeed, letters }) =>
      shots === first.shots && shotSeed === first.shotSeed && letters === first.letters,
  );
}
