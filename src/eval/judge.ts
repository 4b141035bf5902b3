/**
 * From what subjects said to predictions: each scoring reads its answer off the same likelihoods.
 * Knows no model and no metric.
 */
import { createHash } from 'node:crypto';
import { LABELS, type Label } from '../fever/label.ts';
import { type Answer, INVALID, parseLetter } from './answer.ts';
import { type Contestant, contentFreeText, type Outcome, type Reply, textFor } from './examine.ts';
import type { Prediction } from './prediction.ts';
import type { Prompt } from './prompt.ts';
import type { Scoring } from './scoring.ts';

export interface JudgeOptions {
  readonly model: string;
  readonly scorings: readonly Scoring[];
  readonly contentFree: readonly string[];
  /** In the order of the letters, what may follow a prompt, such as ` (a)`. */
  readonly answers: readonly string[];
  /** In the order of the letters. */
  readonly letters: readonly string[];
  /** How many tokens each answer has after the text. */
  readonly answerTokensOf: (text: string) => readonly number[];
}

/** By contestant, scoring, number of shots, choice of shots, and the prompts' own order. */
export function predictionsOf(
  contestants: readonly Contestant[],
  prompts: readonly Prompt[],
  outcome: Outcome,
  options: JudgeOptions,
): Prediction[] {
  const order = [...prompts].sort((a, b) => a.shots - b.shots || a.shotSeed - b.shotSeed);
  const inOrder = [...new Set(prompts.map(({ letters }) => letters))].flatMap((letters) =>
    order.filter((prompt) => prompt.letters === letters),
  );
  return contestants.flatMap((contestant) =>
    options.scorings.flatMap((scoring) =>
      inOrder.map((prompt) => predict(contestant, prompt, outcome, { ...options, scoring })),
    ),
  );
}

function predict(
  contestant: Contestant,
  prompt: Prompt,
  { replies }: Outcome,
  options: JudgeOptions & { readonly scoring: Scoring },
): Prediction {
  const { scoring, model } = options;
  const text = textFor(contestant, prompt);
  const said = replies.get(contestant.subjectOf(prompt).name)!;
  const { claimId, page, gold, shots, shotSeed, letters } = prompt;
  const { candidate, seed } = contestant;
  const { answer, ...given } = read(said, text, prompt, options);
  const named = { model, candidate, seed, shots, shotSeed, letters, scoring };
  return { ...named, claimId, page, prompt: digestOf(text), gold, predicted: answer, ...given };
}

/** The first 16 hexadecimal digits of a prompt's SHA-256. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function read(
  said: ReadonlyMap<string, Reply>,
  text: string,
  { letters }: Prompt,
  options: JudgeOptions & { readonly scoring: Scoring },
): { answer: Answer; scores: Prediction['scores']; text?: string } {
  const reply = said.get(text)!;
  if (options.scoring === 'generate') {
    const written = reply.generated!.text;
    const letter = parseLetter(written, options.letters);
    const answer = letter === undefined ? INVALID : labelOf(letter, letters);
    return { answer, scores: null, text: written };
  }
  const scores = adjusted(said, text, options);
  const best = options.letters[indexOfGreatest(scores)]!;
  const byLetter = options.letters.map((letter, at) => [letter, rounded(scores[at]!)]);
  return { answer: labelOf(best, letters), scores: Object.fromEntries(byLetter) };
}

/** The label that a letter stands for; `letters` has the labels' letters in the labels' order. */
export function labelOf(letter: string, letters: string): Label {
  const label = LABELS[letters.indexOf(letter)];
  if (label === undefined) throw new RangeError(`no label has the letter ${letter} in ${letters}`);
  return label;
}

/** With the digits that survive another backend's rounding. */
function rounded(score: number): number {
  return Number(score.toPrecision(6));
}

/** The first of equals. */
function indexOfGreatest(scores: readonly number[]): number {
  if (scores.some(Number.isNaN)) throw new RangeError(`not a number: ${scores.join(', ')}`);
  return scores.indexOf(Math.max(...scores));
}

/** The log-likelihoods as the scoring compares them. */
function adjusted(
  said: ReadonlyMap<string, Reply>,
  text: string,
  { scoring, answers, contentFree, answerTokensOf }: JudgeOptions & { readonly scoring: Scoring },
): readonly number[] {
  const { scores } = said.get(text)!;
  switch (scoring) {
    case 'per-token': {
      const tokens = answerTokensOf(text);
      return scores.map((score, at) => score / tokens[at]!);
    }
    case 'per-byte':
      return scores.map((score, at) => score / Buffer.byteLength(answers[at]!));
    case 'pmi': {
      const alone = said.get('')!.scores;
      return scores.map((score, at) => score - alone[at]!);
    }
    case 'calibrated': {
      const free = contentFree.map((words) => said.get(contentFreeText(text, words))!.scores);
      return calibrated(scores, free);
    }
    default:
      return scores;
  }
}

/**
 * Log of each answer's share of the probability, less the log of its mean share after claims without
 * content: W = diag(p_cf)⁻¹ of Zhao et al. 2021, up to a constant.
 */
export function calibrated(
  scores: readonly number[],
  contentFree: readonly (readonly number[])[],
): number[] {
  const shares = contentFree.map(sharesOf);
  const own = sharesOf(scores);
  return own.map((share, at) => {
    const free = shares.reduce((sum, other) => sum + other[at]!, 0) / shares.length;
    return Math.log(share) - Math.log(free);
  });
}

/** exp(score) over their sum. */
function sharesOf(scores: readonly number[]): number[] {
  const greatest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - greatest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
