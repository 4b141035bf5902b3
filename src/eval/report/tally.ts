/**
 * What a report counts in the predictions: answers by gold label, right answers by page, and how sure
 * the model was of each. Reads them as a stream. Knows no layout and no test.
 */
import type { ClaimId } from '../../fever/claim.ts';
import { LABEL_TABLE } from '../../fever/label.ts';
import type { PredictionLine } from './prediction.ts';

interface Place {
  readonly model: string;
  readonly scoring: string;
  readonly letters: string;
}

/** Answers of one cell, all its replicates together. */
export interface CellTally extends Place {
  readonly candidate: string;
  readonly shots: number;
  readonly replicates: ReadonlySet<string>;
  /** By gold label, then answer. */
  readonly counts: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

/** Right answers of a page over all shots and replicates, by candidate. */
export interface PageTally extends Place {
  readonly pages: ReadonlyMap<string, ReadonlyMap<string, { right: number; n: number }>>;
}

/** How sure a candidate was of each answer, over all shots and replicates. */
export interface ConfidenceTally extends Place {
  readonly candidate: string;
  readonly answers: readonly Confidence[];
}

export interface Confidence {
  readonly claimId: ClaimId;
  readonly page: string;
  /** Share of the answer that was given, among the three answers' likelihoods. */
  readonly confidence: number;
  readonly right: boolean;
  /** Squared distance of the three shares from the truth. */
  readonly brier: number;
}

export interface Tallies {
  readonly cells: readonly CellTally[];
  readonly pages: readonly PageTally[];
  readonly confidences: readonly ConfidenceTally[];
}

type Counts = Map<string, Map<string, number>>;
type Pages = Map<string, Map<string, { right: number; n: number }>>;

/** Everything in the order of appearance. */
export function tallyOf(predictions: Iterable<PredictionLine>): Tallies {
  const cells = new Map<string, CellTally & { counts: Counts; replicates: Set<string> }>();
  const pages = new Map<string, PageTally & { pages: Pages }>();
  const confidences = new Map<string, ConfidenceTally & { answers: Confidence[] }>();
  for (const line of predictions) {
    const { model, candidate, shots, scoring, letters } = line;
    const place = { model, scoring, letters };
    const cell = entryOf(cells, [model, candidate, shots, scoring, letters], () => ({
      ...place,
      candidate,
      shots,
      replicates: new Set<string>(),
      counts: new Map(),
    }));
    cell.replicates.add(line.replicate);
    const row = entryOf(cell.counts, [line.gold], () => new Map<string, number>(), line.gold);
    row.set(line.predicted, (row.get(line.predicted) ?? 0) + 1);
    const page = entryOf(pages, [model, scoring, letters], () => ({ ...place, pages: new Map() }));
    countPage(page.pages, line);
    if (line.scores === null) continue;
    const group = entryOf(confidences, [model, scoring, letters, candidate], () => ({
      ...place,
      candidate,
      answers: [],
    }));
    group.answers.push(confidenceOf(line, line.scores));
  }
  return {
    cells: [...cells.values()],
    pages: [...pages.values()],
    confidences: [...confidences.values()],
  };
}

function entryOf<T>(
  map: Map<string, T>,
  names: readonly (string | number)[],
  make: () => T,
  key = JSON.stringify(names),
): T {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

function countPage(pages: Pages, { page, candidate, gold, predicted }: PredictionLine): void {
  const byCandidate = pages.get(page) ?? new Map<string, { right: number; n: number }>();
  const tally = byCandidate.get(candidate) ?? { right: 0, n: 0 };
  tally.n += 1;
  if (gold === predicted) tally.right += 1;
  pages.set(page, byCandidate.set(candidate, tally));
}

/** The softmax of the scores: what the model believes where only these three answers are allowed. */
function confidenceOf(
  { claimId, page, gold, predicted, letters }: PredictionLine,
  scores: Readonly<Record<string, number>>,
): Confidence {
  const entries = Object.entries(scores);
  const greatest = Math.max(...entries.map(([, score]) => score));
  const weights = entries.map(([letter, score]) => [letter, Math.exp(score - greatest)] as const);
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
  const goldLetter = letters[LABEL_TABLE.findIndex(({ label }) => label === gold)];
  let brier = 0;
  for (const [letter, weight] of weights) {
    brier += (weight / total - (letter === goldLetter ? 1 : 0)) ** 2;
  }
  return { claimId, page, confidence: 1 / total, right: gold === predicted, brier };
}
