/**
 * The text that a model is asked with. Knows how a prompt is written and how to read its claims back;
 * not where the shots come from.
 */
import { tidyText } from './claim.ts';
import type { Shot } from './fallback-claims.ts';
import { answerOf, LABEL_TABLE } from './label.ts';

export const INSTRUCTION = 'Determine the factuality of the following claims';

export interface PromptParts {
  /** The first line. Default: the experiment's own. */
  readonly instruction?: string;
  readonly shots: readonly Shot[];
  readonly claim: string;
}

/**
 * Instruction, candidate line, the shots with their answers, the claim; ends with `A:`, after which
 * an answer such as ` (a)` belongs. Prompts with the same first shots have the same beginning.
 */
export function writePrompt({ instruction = INSTRUCTION, shots, claim }: PromptParts): string {
  const lines = [instruction, candidateLine()];
  for (const shot of shots) lines.push(...askLines(shot.claim, answerOf(shot.label)));
  return [...lines, ...askLines(claim, '')].join('\n');
}

function candidateLine(): string {
  const candidates = LABEL_TABLE.map(({ letter, words }) => `(${letter}) ${words}`);
  return `Answer candidates: ${candidates.join(', ')}`;
}

const CLAIM_PREFIX = 'Claim: ';

function askLines(claim: string, answer: string): [string, string] {
  return [`${CLAIM_PREFIX}${tidyText(claim)}`, `A:${answer}`];
}

/** The claims that stand in a prompt, the shots' and the last one, read back from its text. */
export function claimsInPrompt(prompt: string): string[] {
  const lines = prompt.split('\n').filter((line) => line.startsWith(CLAIM_PREFIX));
  return lines.map((line) => line.slice(CLAIM_PREFIX.length));
}
