/**
 * The text that a model is asked with. Knows how a prompt is written and how to read its claims back;
 * not where the shots come from. Its parts and their names are those of a task of EleutherAI's
 * harness (`description`, `doc_to_text`, `target_delimiter`, `fewshot_delimiter`), so that the same
 * settings give the same text there: docs/decisions/harness-prompts.md.
 */
import { tidyText } from './claim.ts';
import type { Shot } from './fallback-claims.ts';
import {
  choiceOf,
  DEFAULT_LETTERS,
  LABEL_TABLE,
  LETTERS,
  type Letters,
  letterIn,
} from './label.ts';

export const INSTRUCTION = 'Determine the factuality of the following claims';

export interface PromptFormat {
  /** The first line. */
  readonly instruction: string;
  /** Between the candidate line, the shots and the claim that is asked. */
  readonly fewshotDelimiter: string;
  /** Between a shot's `A:` and its answer. */
  readonly targetDelimiter: string;
  readonly letters: Letters;
}

export const DEFAULT_FORMAT: PromptFormat = {
  instruction: INSTRUCTION,
  fewshotDelimiter: '\n',
  targetDelimiter: ' ',
  letters: DEFAULT_LETTERS,
};

export interface PromptParts extends Partial<PromptFormat> {
  readonly shots: readonly Shot[];
  readonly claim: string;
}

/**
 * Instruction, candidate line, the shots with their answers, the claim; ends with `A:`, after which
 * an answer such as ` (a)` belongs. Prompts with the same first shots have the same beginning.
 */
export function writePrompt({ shots, claim, ...given }: PromptParts): string {
  const format = { ...DEFAULT_FORMAT, ...given };
  const answered = shots.map(
    (shot) =>
      `${question(shot.claim)}${format.targetDelimiter}${choiceOf(shot.label, format.letters)}`,
  );
  return [description(format), ...answered, question(claim)].join(format.fewshotDelimiter);
}

/** All that stands before the first shot. */
export function description({ instruction, letters }: PromptFormat): string {
  return `${instruction}\n${candidateLine(letters)}`;
}

/** The letters in their own order, each with the words of the label that it stands for. */
function candidateLine(letters: Letters): string {
  const candidates = LETTERS.map((letter) => {
    const row = LABEL_TABLE.find(({ label }) => letterIn(letters, label) === letter)!;
    return `(${letter}) ${row.words}`;
  });
  return `Answer candidates: ${candidates.join(', ')}`;
}

const CLAIM_PREFIX = 'Claim: ';

function question(claim: string): string {
  return `${CLAIM_PREFIX}${tidyText(claim)}\nA:`;
}

/** The claims that stand in a prompt, the shots' and the last one, read back from its text. */
export function claimsInPrompt(prompt: string): string[] {
  const lines = prompt.split('\n').filter((line) => line.startsWith(CLAIM_PREFIX));
  return lines.map((line) => line.slice(CLAIM_PREFIX.length));
}
