/**
 * Whether claims that a model is tested on stand in what it is trained on. Works on the finished
 * texts, so that it proves what was written and not what was meant. Knows no shots and no pages.
 */
import { bareText, type ClaimId, comparableText, tidyText } from './claim.ts';
import { DataError } from './data-error.ts';
import type { Example } from './example.ts';
import { nearDuplicates } from './near-duplicate.ts';
import type { PageGroup } from './page-group.ts';
import { claimsInPrompt } from './prompt.ts';

/**
 * A training claim with the text of an eval claim: an error, or its examples are left out (never the
 * eval claim), or it stays and is counted.
 */
export type OverlapPolicy = 'fail' | 'drop-example' | 'allow';

/** Distinct eval claims that occur in some texts; each number includes the one before. */
export interface Overlap {
  /** Word for word. */
  readonly exact: number;
  /** With case, punctuation, white space and Unicode form set aside. */
  readonly normalised: number;
  /** With a similarity of at least `NEAR`. */
  readonly nearDuplicate: number;
}

/** What each candidate learns that is asked. */
export type Leakage = Readonly<Record<'doc' | 'temp' | 'doctemp', Overlap>>;

export interface Asked {
  readonly claimId: ClaimId;
  readonly claim: string;
}

/** The texts of the eval claims without punctuation and case. */
export function textsOf(asked: Iterable<Asked>): ReadonlySet<string> {
  return new Set(Array.from(asked, ({ claim }) => bareText(claim)));
}

/** Training groups under the policy, and how many pairs of theirs repeat an eval claim. */
export function separate(
  training: readonly PageGroup[],
  evalTexts: ReadonlySet<string>,
  policy: OverlapPolicy,
): { groups: readonly PageGroup[]; overlapping: number } {
  const isOverlap = ({ claim }: Asked) => evalTexts.has(bareText(claim));
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

/** Counts by candidate, on what was written for it: examples with their shots, sentences of pages. */
export function measureLeakage(
  asked: readonly Asked[],
  examples: Iterable<Example>,
  documents: readonly { readonly text: string }[],
): Leakage {
  const claims = new Set<string>();
  for (const { prompt } of examples) for (const claim of claimsInPrompt(prompt)) claims.add(claim);
  const sentences = new Set(documents.flatMap(({ text }) => sentencesOf(text)));
  return {
    doc: overlapOf(asked, sentences),
    temp: overlapOf(asked, claims),
    doctemp: overlapOf(asked, new Set([...claims, ...sentences])),
  };
}

function overlapOf(asked: readonly Asked[], texts: ReadonlySet<string>): Overlap {
  const exact = new Set(Array.from(texts, tidyText));
  const bare = new Set(Array.from(texts, bareText));
  const isNear = nearDuplicates(texts);
  return {
    exact: countClaims(asked, ({ claim }) => exact.has(tidyText(claim))),
    normalised: countClaims(asked, ({ claim }) => bare.has(bareText(claim))),
    nearDuplicate: countClaims(asked, ({ claim }) => isNear(claim)),
  };
}

/** Split after closing punctuation and at line ends: good enough to find a claim that is a sentence. */
function sentencesOf(text: string): string[] {
  const sentences = text.split(/(?<=[.!?]["'”’)]?)\s+|\n+/u);
  return sentences.filter((sentence) => sentence.trim() !== '');
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

/** Shots of the prompts that are asked: those that repeat the claim itself, and other eval claims. */
export function measureShots(
  questions: readonly { readonly claim: string; readonly prompt: string }[],
): { asked: number; other: number } {
  const evalTexts = textsOf(questions.map(({ claim }) => ({ claimId: 0, claim })));
  const counts = { asked: 0, other: 0 };
  for (const { claim, prompt } of questions) {
    const own = bareText(claim);
    for (const shot of claimsInPrompt(prompt).slice(0, -1)) {
      const text = bareText(shot);
      if (text === own) counts.asked += 1;
      else if (evalTexts.has(text)) counts.other += 1;
    }
  }
  return counts;
}

function countClaims(asked: readonly Asked[], leaks: (claim: Asked) => boolean): number {
  return new Set(asked.filter(leaks).map(({ claimId }) => claimId)).size;
}
