/**
 * Whether claims that a model is tested on stand in what it is trained on. Works on the finished
 * texts, so that it proves what was written and not what was meant. Knows no shots and no pages.
 */
import { type ClaimId, comparableText, tidyText } from './claim.ts';
import { DataError } from './data-error.ts';
import type { Example } from './example.ts';
import type { PageGroup } from './page-group.ts';
import { claimsInPrompt } from './prompt.ts';

/**
 * A training claim with the text of an eval claim: an error, or its examples are left out (never the
 * eval claim), or it stays and is counted.
 */
export type OverlapPolicy = 'fail' | 'drop-example' | 'allow';

export interface Leakage {
  /** Eval claims that occur word for word in an example, as its claim or among its shots. */
  readonly exact: number;
  /** The same, with case, quotation marks and closing punctuation set aside. */
  readonly normalised: number;
}

export interface Asked {
  readonly claimId: ClaimId;
  readonly claim: string;
}

/** The texts of the eval claims in their comparable form. */
export function textsOf(asked: Iterable<Asked>): ReadonlySet<string> {
  return new Set(Array.from(asked, ({ claim }) => comparableText(claim)));
}

/** Training groups under the policy, and how many pairs of theirs repeat an eval claim. */
export function separate(
  training: readonly PageGroup[],
  evalTexts: ReadonlySet<string>,
  policy: OverlapPolicy,
): { groups: readonly PageGroup[]; overlapping: number } {
  const isOverlap = ({ claim }: Asked) => evalTexts.has(comparableText(claim));
  const overlaps = training.flatMap(({ pairs }) => pairs.filter(isOverlap));
  if (policy === 'fail' && overlaps.length > 0) rejectOverlaps(overlaps);
  const groups =
    policy === 'allow'
      ? training
      : training.map(({ page, pairs }) => ({ page, pairs: pairs.filter((p) => !isOverlap(p)) }));
  return { groups, overlapping: overlaps.length };
}

function rejectOverlaps(overlaps: readonly Asked[]): never {
  const ids = [...new Set(overlaps.map(({ claimId }) => claimId))];
  const shown = `${ids.slice(0, 5).join(', ')}${ids.length > 5 ? ', …' : ''}`;
  throw new DataError(
    `${overlaps.length} training questions have the text of an eval claim (training claims ${shown})`,
    {
      hint: 'set overlap to "drop-example" to leave those examples out, or to "allow" to train on them',
    },
  );
}

/** Counts distinct eval claims that stand in the examples' texts. */
export function measureLeakage(asked: readonly Asked[], examples: Iterable<Example>): Leakage {
  const exact = new Set<string>();
  for (const { prompt } of examples) for (const claim of claimsInPrompt(prompt)) exact.add(claim);
  const normalised = textsOf(Array.from(exact, (claim) => ({ claimId: 0, claim })));
  return {
    exact: countClaims(asked, ({ claim }) => exact.has(tidyText(claim))),
    normalised: countClaims(asked, ({ claim }) => normalised.has(comparableText(claim))),
  };
}

/**
 * Distinct eval claims whose words stand in a document. No leak of an answer but what the documents
 * are for; it tells how much of the test is looking up.
 */
export function countInDocuments(
  asked: readonly Asked[],
  documents: readonly { readonly text: string }[],
): number {
  const all = documents.map(({ text }) => comparableText(text)).join('\n');
  return countClaims(asked, ({ claim }) => all.includes(comparableText(claim)));
}

function countClaims(asked: readonly Asked[], leaks: (claim: Asked) => boolean): number {
  return new Set(asked.filter(leaks).map(({ claimId }) => claimId)).size;
}
