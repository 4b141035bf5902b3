/**
 * The identity gate: what is recorded under a candidate's name must be what that candidate says. One
 * of the prompts that were run is asked again, of that candidate alone, and held against the finished
 * prediction. Two candidates with one memory are refused.
 */
import { type Contestant, type Outcome, type Scorer, textFor } from '../examine.ts';
import { digestOf } from '../judge.ts';
import type { Prediction } from '../prediction.ts';
import type { Prompt } from '../prompt.ts';
import { GateError, type GateRecord, shown } from './gate.ts';

/** Of log-likelihoods in six digits, on any backend. */
const TOLERANCE = 2e-3;

export interface IdentityInput {
  readonly contestants: readonly Contestant[];
  readonly prompts: readonly Prompt[];
  readonly predictions: readonly Prediction[];
  readonly outcome: Outcome;
  readonly scorer: Scorer;
  /** What may follow a prompt, in the order of the letters, as scores are named. */
  readonly letters: readonly string[];
}

export async function identityGate(input: IdentityInput): Promise<GateRecord> {
  const fresh = new Set(input.outcome.fresh.map(({ text, subject }) => `${subject}\n${text}`));
  const recorded = new Map(
    input.predictions
      .filter(({ scoring }) => scoring === 'likelihood')
      .map((item) => [`${item.candidate} ${item.seed} ${item.prompt}`, item]),
  );
  for (const contestant of input.contestants) {
    const prompt = input.prompts.find((item) =>
      fresh.has(`${contestant.subjectOf(item).name}\n${textFor(contestant, item)}`),
    );
    if (prompt === undefined) continue;
    const text = textFor(contestant, prompt);
    const name = `${contestant.candidate} ${contestant.seed} ${digestOf(text)}`;
    const prediction = recorded.get(name);
    if (prediction === undefined) continue;
    await checkOne(input, { contestant, prompt, text, prediction });
  }
  // Not how many were asked again, which depends on what was remembered: results must not.
  const what = 'candidates; each that has new answers was asked again, alone, and said the same';
  return { name: 'identity gate', checked: input.contestants.length, what };
}

async function checkOne(
  { scorer, letters }: IdentityInput,
  {
    contestant,
    prompt,
    text,
    prediction,
  }: { contestant: Contestant; prompt: Prompt; text: string; prediction: Prediction },
): Promise<void> {
  const [said] = await scorer.logLikelihoods([text], [contestant.subjectOf(prompt).name]);
  const again = said!.scores[0]!;
  const differs = letters.some((letter, at) => {
    const recorded = prediction.scores?.[letter] ?? Number.NaN;
    return !(Math.abs(recorded - again[at]!) <= TOLERANCE * Math.max(1, Math.abs(again[at]!)));
  });
  if (!differs) return;
  throw new GateError(
    'identity gate',
    `"${contestant.candidate}" says other things on claim ${prompt.claimId} than what is recorded ` +
      'under its name',
    'predictions of another candidate, or of an older memory, bear this name',
  );
}

/** One artifact under two names would be two results of one memory. */
export function requireDistinct(
  memories: readonly { readonly name: string; readonly digest: string }[],
): void {
  const names = new Map<string, string[]>();
  for (const { name, digest } of memories) {
    names.set(digest, [...(names.get(digest) ?? []), name]);
  }
  for (const same of names.values()) {
    if (same.length < 2) continue;
    throw new GateError(
      'identity gate',
      `${shown(same)} are one and the same memory`,
      'give each candidate the memory that was trained for it',
    );
  }
}
