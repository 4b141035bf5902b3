/**
 * From a file of claims to questions grouped by evidence page, with counts of everything in the file
 * that could surprise. Knows no ranking, no page text and no prompt.
 */
import { type Claim, decodeClaim } from './claim.ts';
import { type ClaimCounts, countClaims } from './claim-count.ts';
import { pageOf, sentenceOf } from './evidence.ts';
import { newTally, type OnBadLine, readJsonLines } from './json-lines.ts';
import type { PageGroup, Pair } from './page-group.ts';
import { compareCodePoints, NULL_PAGE } from './title.ts';

/**
 * What is one question: every piece of evidence, or a claim once for each page that it cites, or once
 * for each sentence of a page.
 */
export type Unit = 'row' | 'claim-page' | 'claim-page-sentence';

export interface ExtractionOptions {
  readonly unit: Unit;
  /** `drop`: evidence without a page asks nothing. `group`: it forms the group `NULL_PAGE`. */
  readonly nullPage: 'drop' | 'group';
  readonly onBadLine: OnBadLine;
  /** Claims whose text occurs in the file with more than one label. Counted in either case. */
  readonly conflicts: 'keep' | 'drop';
}

export interface ExtractionStats extends ClaimCounts {
  /** N_full: the groups that were made, the null page's among them only when it was asked for. */
  readonly nFull: number;
  /** Questions in all groups. */
  readonly questions: number;
  /** Claims left out because of `conflicts: drop`. */
  readonly droppedConflicts: number;
  readonly blankLines: number;
  readonly badLines: number;
}

export interface Extraction {
  /** In code-point order of the page; pairs in the order of the file. */
  readonly groups: readonly PageGroup[];
  readonly stats: ExtractionStats;
  /** Place and reason of the first skipped lines. */
  readonly complaints: readonly string[];
}

/** Reads a file of FEVER claims and groups its questions by page. */
export function extractFile(path: string, options: ExtractionOptions): Extraction {
  const tally = newTally();
  const claims = [...readJsonLines(path, decodeClaim, { onBadLine: options.onBadLine, tally })];
  const { counts, conflicting } = countClaims(claims);
  const kept =
    options.conflicts === 'drop' ? claims.filter(({ claim }) => !conflicting.has(claim)) : claims;
  const groups = groupByPage(kept, options);
  const stats = {
    nFull: groups.length,
    ...counts,
    questions: groups.reduce((sum, { pairs }) => sum + pairs.length, 0),
    droppedConflicts: claims.length - kept.length,
    blankLines: tally.blankLines,
    badLines: tally.badLines,
  };
  return { groups, stats, complaints: tally.complaints };
}

/** The questions of `claims`, grouped by normalised page title. */
export function groupByPage(
  claims: Iterable<Claim>,
  { unit, nullPage }: Pick<ExtractionOptions, 'unit' | 'nullPage'>,
): PageGroup[] {
  const groups = new Map<string, Pair[]>();
  for (const claim of claims) {
    for (const page of pagesAsked(claim, unit)) {
      if (page === NULL_PAGE && nullPage === 'drop') continue;
      const pairs = groups.get(page) ?? [];
      if (pairs.length === 0) groups.set(page, pairs);
      pairs.push({ claimId: claim.id, claim: claim.claim, label: claim.label });
    }
  }
  return [...groups]
    .sort(([a], [b]) => compareCodePoints(a, b))
    .map(([page, pairs]) => ({ page, pairs }));
}

/** The page of each question that a claim asks, in the order of its evidence. */
function pagesAsked(claim: Claim, unit: Unit): string[] {
  const pieces = claim.evidence.flat();
  if (unit === 'row') return pieces.map(pageOf);
  const identity = unit === 'claim-page' ? pageOf : sentenceOf;
  return [...new Map(pieces.map((piece) => [identity(piece), pageOf(piece)])).values()];
}
