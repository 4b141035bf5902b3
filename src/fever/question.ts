/**
 * The prompts that models are tested with: every question of a page at every number of shots. Knows
 * eval pairs and a page's list of shots; nothing here reaches training.
 */
import { bareText, type ClaimId } from './claim.ts';
import type { Label, Letters } from './label.ts';
import type { Pair } from './page-group.ts';
import { type PromptFormat, writePrompt } from './prompt.ts';
import { type ShotList, shotsFor } from './shots.ts';

export interface Question {
  readonly claimId: ClaimId;
  readonly page: string;
  readonly claim: string;
  readonly gold: Label;
  readonly shots: number;
  /** Which choice of shots, from 0. */
  readonly shotSeed: number;
  readonly letters: Letters;
  readonly prompt: string;
}

export interface QuestionOptions {
  readonly page: string;
  /** By choice of shots. */
  readonly lists: readonly { readonly shotSeed: number; readonly list: ShotList }[];
  /** Numbers of shots, ascending. */
  readonly shots: readonly number[];
  /** Orders of the letters to ask with. */
  readonly letters: readonly Letters[];
  readonly format: PromptFormat;
}

/** By pair in the order given, then by order of letters, choice of shots and number of shots. */
export function writeQuestions(pairs: readonly Pair[], options: QuestionOptions): Question[] {
  return pairs.flatMap((pair) =>
    options.letters.flatMap((letters) =>
      options.lists.flatMap((choice) =>
        options.shots.map((shots) =>
          writeQuestion(pair, { ...options, letters, ...choice, shots }),
        ),
      ),
    ),
  );
}

function writeQuestion(
  { claimId, claim, label: gold }: Pair,
  {
    page,
    list,
    shots,
    shotSeed,
    letters,
    format,
  }: {
    page: string;
    list: ShotList;
    shots: number;
    shotSeed: number;
    letters: Letters;
    format: PromptFormat;
  },
): Question {
  const prompt = writePrompt({ ...format, letters, shots: shotsFor(claim, list, shots), claim });
  return { claimId, page, claim, gold, shots, shotSeed, letters, prompt };
}

/** Whether a question is asked with the list's spare, one of the shots being the claim itself. */
export function usesSpare({ claim }: Pair, { shots }: ShotList): boolean {
  const text = bareText(claim);
  return shots.slice(0, -1).some((shot) => bareText(shot.claim) === text);
}
