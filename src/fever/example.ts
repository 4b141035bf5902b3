/**
 * What the memory of templates is trained on: a page's training questions with their answers, in the
 * form of the prompts. Knows training data only; whoever calls it has taken the eval claims out.
 */
import { bareText, type ClaimId } from './claim.ts';
import type { Shot } from './fallback-claims.ts';
import { choiceOf, type Label } from './label.ts';
import type { PageGroup, Pair } from './page-group.ts';
import { type PromptFormat, writePrompt } from './prompt.ts';
import { randomNamed, rotated } from './random.ts';
import { fillUp, ownShots } from './shots.ts';

export interface Example {
  readonly page: string;
  readonly claimId: ClaimId;
  readonly claim: string;
  readonly label: Label;
  readonly prompt: string;
  /** With its leading blank, such as ` (a)`. */
  readonly answer: string;
}

export interface ExampleOptions {
  /** Answered claims before the one to learn. */
  readonly shots: number;
  readonly seed: number;
  readonly format: PromptFormat;
  /** Stand-ins where a page has too few pairs. */
  readonly fallback: readonly Shot[];
}

/**
 * One example for each training claim of the page (once, however often the counting unit lists it).
 * Its shots are the claims that follow it in the page's own order, going round, so that every claim
 * is learnt after different ones.
 */
export function writeExamples(group: PageGroup, options: ExampleOptions): Example[] {
  const ring = ownShots(group, randomNamed(`examples ${options.seed} ${group.page}`));
  return distinctPairs(group.pairs).map((pair, index) => {
    const shots = shotsBeside(pair, index, ring, options);
    const prompt = writePrompt({ ...options.format, shots, claim: pair.claim });
    const { claimId, claim, label } = pair;
    return {
      page: group.page,
      claimId,
      claim,
      label,
      prompt,
      answer: answer(label, options.format),
    };
  });
}

function answer(label: Label, { targetDelimiter, letters }: PromptFormat): string {
  return `${targetDelimiter}${choiceOf(label, letters)}`;
}

function distinctPairs(pairs: readonly Pair[]): Pair[] {
  return [...new Map(pairs.map((pair) => [pair.claimId, pair])).values()];
}

function shotsBeside(pair: Pair, index: number, ring: readonly Shot[], options: ExampleOptions) {
  const text = bareText(pair.claim);
  const isOther = ({ claim }: Shot) => bareText(claim) !== text;
  const place = ring.findIndex((shot) => !isOther(shot));
  const own = rotated(ring, place < 0 ? index : place + 1).filter(isOther);
  return fillUp(own, rotated(options.fallback, index).filter(isOther), options.shots);
}
