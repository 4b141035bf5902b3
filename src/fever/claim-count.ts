/**
 * Counts over the claims of one file, defined so that they can be repeated with a few lines in any
 * other language. Knows no grouping choices: these counts are the same under every `unit`.
 */
import { type Claim, comparableText } from './claim.ts';
import { pageOf, sentenceOf } from './evidence.ts';
import { LABELS, type Label } from './label.ts';
import { ESCAPES, type Escape, normaliseTitle } from './title.ts';

export interface ClaimCounts {
  readonly claims: number;
  readonly labels: Readonly<Record<Label, number>>;
  /** Pieces of evidence, over all sets of all claims. */
  readonly rows: number;
  readonly rowsWithoutNei: number;
  readonly nullPageRows: number;
  /** Distinct (claim, page, sentence), null pages left out. */
  readonly claimPageSentences: number;
  /** Distinct (claim, page), null pages left out. */
  readonly claimPages: number;
  /** Distinct normalised titles. */
  readonly pages: number;
  /** Claims none of whose evidence names a page. */
  readonly claimsWithoutPage: number;
  /** Claims that list one evidence set (the same pages and sentences in any order) twice or more. */
  readonly repeatedEvidenceSets: number;
  /** Surplus claims: for each text that occurs n times, n − 1. Texts are compared as stored. */
  readonly duplicateTexts: number;
  /** Distinct texts that occur with more than one label. */
  readonly conflictingTexts: number;
  /** The same two, with case and closing punctuation set aside. */
  readonly duplicateComparableTexts: number;
  readonly conflictingComparableTexts: number;
  /** Claims whose id an earlier line has. */
  readonly duplicateIds: number;
  /** Distinct titles as written that are not in NFC. */
  readonly nfdTitles: number;
  /** Distinct titles as written that hold each escape. */
  readonly escapedTitles: Readonly<Record<Escape, number>>;
  /** Titles as written less normalised titles: spellings that normalisation brought together. */
  readonly mergedTitles: number;
}

/** The counts, and the claim texts (as stored) that occur with more than one label. */
export function countClaims(claims: readonly Claim[]): {
  counts: ClaimCounts;
  conflicting: ReadonlySet<string>;
} {
  const texts = countTexts(claims, (claim) => claim.claim);
  const comparable = countTexts(claims, (claim) => comparableText(claim.claim));
  const counts = {
    claims: claims.length,
    labels: countLabels(claims),
    ...countEvidence(claims),
    duplicateTexts: texts.surplus,
    conflictingTexts: texts.conflicting.size,
    duplicateComparableTexts: comparable.surplus,
    conflictingComparableTexts: comparable.conflicting.size,
    duplicateIds: claims.length - new Set(claims.map(({ id }) => id)).size,
    ...countTitles(claims),
  };
  return { counts, conflicting: texts.conflicting };
}

export function countLabels(items: Iterable<{ readonly label: Label }>): Record<Label, number> {
  const counts = Object.fromEntries(LABELS.map((label) => [label, 0])) as Record<Label, number>;
  for (const { label } of items) counts[label] += 1;
  return counts;
}

function countEvidence(claims: readonly Claim[]) {
  const counts = {
    rows: 0,
    rowsWithoutNei: 0,
    nullPageRows: 0,
    claimPageSentences: 0,
    claimPages: 0,
    claimsWithoutPage: 0,
    repeatedEvidenceSets: 0,
  };
  for (const claim of claims) {
    const pieces = claim.evidence.flat();
    const paged = pieces.filter(({ page }) => page !== null);
    counts.rows += pieces.length;
    counts.rowsWithoutNei += claim.label === 'NOT ENOUGH INFO' ? 0 : pieces.length;
    counts.nullPageRows += pieces.length - paged.length;
    counts.claimPageSentences += new Set(paged.map(sentenceOf)).size;
    counts.claimPages += new Set(paged.map(pageOf)).size;
    counts.claimsWithoutPage += paged.length === 0 ? 1 : 0;
    counts.repeatedEvidenceSets += hasRepeatedSet(claim) ? 1 : 0;
  }
  return counts;
}

function hasRepeatedSet({ evidence }: Claim): boolean {
  const sets = evidence.map((set) => [...new Set(set.map(sentenceOf))].sort().join('\n'));
  return new Set(sets).size < sets.length;
}

function countTexts(claims: readonly Claim[], textOf: (claim: Claim) => string) {
  const labelsOf = new Map<string, Set<Label>>();
  for (const claim of claims) {
    const text = textOf(claim);
    labelsOf.set(text, (labelsOf.get(text) ?? new Set()).add(claim.label));
  }
  const conflicting = [...labelsOf].filter(([, labels]) => labels.size > 1).map(([text]) => text);
  return { surplus: claims.length - labelsOf.size, conflicting: new Set(conflicting) };
}

function countTitles(claims: readonly Claim[]) {
  const titles = new Set<string>();
  for (const { evidence } of claims) {
    for (const { page } of evidence.flat()) if (page !== null) titles.add(page);
  }
  const written = [...titles];
  const pages = new Set(written.map(normaliseTitle)).size;
  return {
    pages,
    nfdTitles: written.filter((title) => title.normalize('NFC') !== title).length,
    escapedTitles: countEscapes(written),
    mergedTitles: written.length - pages,
  };
}

function countEscapes(titles: readonly string[]): Record<Escape, number> {
  const escapes = Object.keys(ESCAPES) as Escape[];
  const counts = escapes.map((code) => [
    code,
    titles.filter((title) => title.includes(code)).length,
  ]);
  return Object.fromEntries(counts);
}
