/**
 * The prompts that models are tested with: every question of a page at every number of shots. Knows
 * eval pairs and a page's list of shots; nothing here reaches training.
 */
import { type ClaimId, comparableText } from './claim.ts';
import type { Label } from './label.ts';
import type { Pair } from './page-group.ts';
import { writePrompt } from './prompt.ts';
import { type ShotList, shotsFor } from './shots.ts';

export interface Question {
  readonly claimId: ClaimId;
  readonly page: string;
  readonly claim: string;
  readonly gold: Label;
  readonly shots: number;
  readonly prompt: string;
}

export interface QuestionOptions {
  readonly page: string;
  readonly list: ShotList;
  /** Numbers of shots, ascending. */
  readonly shots: readonly number[];
  readonly instruction: string;
}

/** By pair in the order given, then by number of shots. */
export function writeQuestions(pairs: readonly Pair[], options: QuestionOptions): Question[] {
  const { page, list, instruction } = options;
  return pairs.flatMap(({ claimId, claim, label }) =>
    options.shots.map((shots) => {
      const prompt = writePrompt({ instruction, shots: shotsFor(claim, list, shots), claim });
      return { claimId, page, claim, gold: label, shots, prompt };
    }),
  );
}

/** Whether a question is asked with the list's spare, one of the shots being the claim itself. */
export function usesSpare({ claim }: Pair, { shots }: ShotList): boolean {
  const text = comparableText(claim);
  return shots.slice(0, -1).some((shot) => comparableText(shot.claim) === text);
}
