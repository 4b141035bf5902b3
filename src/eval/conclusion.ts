/**
 * What someone might conclude from the results, beside the control that could refute it. The rule of
 * the verdict is fixed here. Knows comparisons; makes none.
 */

import { PRETRAINED } from './examine.ts';
import { type Comparison, FAMILIES, ownControl } from './family.ts';
import type { CandidateKind } from './row.ts';

export type Verdict = 'stands' | 'refuted' | 'not shown' | 'control not run';

export interface Conclusion {
  readonly claim: string;
  readonly candidate: string;
  readonly control: string;
  readonly scoring: string;
  readonly letters: string;
  readonly verdict: Verdict;
  readonly comparison: Comparison | null;
}

interface Doubt {
  readonly claim: string;
  readonly candidate: string;
  readonly control: string;
}

/** For every scoring and order of letters, each claim with its verdict. */
export function conclusionsOf(
  comparisons: readonly Comparison[],
  kinds: ReadonlyMap<string, CandidateKind>,
): Conclusion[] {
  const places = new Map(
    comparisons.map(({ scoring, letters }) => [`${scoring} ${letters}`, { scoring, letters }]),
  );
  const memories = [...kinds].filter(([, kind]) => kind === 'memory').map(([name]) => name);
  const doubts = [...memories.flatMap(doubtsAbout), ...doubtsAboutTheTest()];
  return [...places.values()].flatMap((place) =>
    doubts.map((doubt) => ({ ...doubt, ...place, ...decide(doubt, place, comparisons) })),
  );
}

function doubtsAbout(candidate: string): Doubt[] {
  const of = (control: string, claim: string) => ({ claim, candidate, control });
  return [
    of(PRETRAINED, `${candidate} helps the model`),
    of(
      ownControl(candidate),
      `${candidate} holds knowledge of its pages, and not only the form of the texts`,
    ),
    of('random', `what ${candidate} was trained on helps, and not the mere presence of a layer`),
    of('naive-bayes', `${candidate} knows more than the words of a claim give away`),
    of('gold-page', `${candidate} does better than reading the page would`),
  ];
}

function doubtsAboutTheTest(): Doubt[] {
  const claim = 'the model can use the page when it stands in the context';
  return [{ claim, candidate: 'gold-page', control: PRETRAINED }];
}

const POOLED: readonly string[] = [FAMILIES.memories, FAMILIES.controls, FAMILIES.knowledge];

function decide(
  { candidate, control }: Doubt,
  { scoring, letters }: { scoring: string; letters: string },
  comparisons: readonly Comparison[],
): { verdict: Verdict; comparison: Comparison | null } {
  const comparison = comparisons.find(
    (item) =>
      POOLED.includes(item.family) &&
      item.candidate === candidate &&
      item.against === control &&
      item.scoring === scoring &&
      item.letters === letters,
  );
  if (comparison === undefined) return { verdict: 'control not run', comparison: null };
  return { verdict: verdictOf(comparison), comparison };
}

/** Sure means both: the interval leaves 0 out, and the corrected test rejects at 5 %. */
function verdictOf({ low, high, pHolm }: Comparison): Verdict {
  if (pHolm >= 0.05) return 'not shown';
  if (low !== null && low > 0) return 'stands';
  return high !== null && high < 0 ? 'refuted' : 'not shown';
}
