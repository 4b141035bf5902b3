/**
 * How sure a result is: intervals of accuracies, and each candidate against `pretrained` on the same
 * questions. Knows predictions only.
 */
import { type BootstrapOptions, clusteredInterval, type Interval } from './bootstrap.ts';
import { PRETRAINED, type Scoring } from './examine.ts';
import { type Cell, type Prediction, referenceOf } from './result.ts';
import { discordanceOf, holmAdjusted, mcnemarExact } from './significance.ts';

interface CellName {
  readonly model: string;
  readonly candidate: string;
  readonly shots: number;
  readonly scoring: Scoring;
}

/** A 95 % interval of the accuracy; null where there are not two pages. */
export interface AccuracyInterval extends CellName {
  readonly low: number | null;
  readonly high: number | null;
}

/** A candidate minus what it is compared with, question by question. */
export interface Comparison extends CellName {
  /** The candidate or baseline on the other side. */
  readonly against: string;
  readonly n: number;
  readonly difference: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Questions that only the candidate answers rightly. */
  readonly onlyCandidate: number;
  readonly onlyOther: number;
  /** McNemar's exact test, two-sided. */
  readonly p: number;
  /** `p` after Holm's correction over all comparisons of the same model and scoring. */
  readonly pHolm: number;
}

/** One interval a cell. */
export function accuracyIntervals(
  cells: readonly Cell[],
  options: BootstrapOptions,
): AccuracyInterval[] {
  return cells.map((cell) => {
    const observations = cell.predictions.map((item) => ({
      cluster: item.page,
      value: score(item),
    }));
    return { ...nameOf(cell), ...bounds(clusteredInterval(observations, options)) };
  });
}

/** Every cell of a memory against `pretrained`'s, corrected within each model and scoring. */
export function comparisonsOf(cells: readonly Cell[], options: BootstrapOptions): Comparison[] {
  const memories = cells.filter(({ candidate }) => candidate !== PRETRAINED);
  return comparisonsWith(memories, (cell) => referenceOf(cell, cells), options);
}

/** Every cell against another on the same questions, corrected within each model and scoring. */
export function comparisonsWith(
  cells: readonly Cell[],
  otherOf: (cell: Cell) => Pick<Cell, 'candidate' | 'predictions'> | undefined,
  options: BootstrapOptions,
): Comparison[] {
  return corrected(uncorrectedWith(cells, otherOf, options));
}

/** As `comparisonsWith`, to be corrected together with others. */
export function uncorrectedWith(
  cells: readonly Cell[],
  otherOf: (cell: Cell) => Pick<Cell, 'candidate' | 'predictions'> | undefined,
  options: BootstrapOptions,
): Uncorrected[] {
  return cells.flatMap((cell) => {
    const other = otherOf(cell);
    if (other === undefined) return [];
    const compared = compare(cell.predictions, other.predictions, options);
    return [{ ...nameOf(cell), against: other.candidate, ...compared }];
  });
}

export type Uncorrected = Omit<Comparison, 'pHolm'>;

/** Holm's correction within each model and scoring; all that is given there is one family. */
export function corrected(comparisons: readonly Uncorrected[]): Comparison[] {
  const adjusted = adjustedWithin(comparisons);
  return comparisons.map((item) => ({ ...item, pHolm: adjusted.get(item)! }));
}

function adjustedWithin(comparisons: readonly Uncorrected[]): ReadonlyMap<Uncorrected, number> {
  const families = new Map<string, Uncorrected[]>();
  for (const item of comparisons) {
    const name = JSON.stringify([item.model, item.scoring]);
    families.set(name, [...(families.get(name) ?? []), item]);
  }
  const adjusted = new Map<Uncorrected, number>();
  for (const family of families.values()) {
    const values = holmAdjusted(family.map(({ p }) => p));
    family.forEach((item, at) => {
      adjusted.set(item, values[at]!);
    });
  }
  return adjusted;
}

/** Candidate against reference, question by question; both lists ask the same in the same order. */
export function compare(
  candidate: readonly Prediction[],
  reference: readonly Prediction[],
  options: BootstrapOptions,
): Omit<Uncorrected, keyof CellName | 'against'> {
  assertSameQuestions(candidate, reference);
  const observations = candidate.map((item, at) => ({
    cluster: item.page,
    value: score(item) - score(reference[at]!),
  }));
  const { onlyFirst, onlySecond } = discordanceOf(candidate.map(isRight), reference.map(isRight));
  return {
    n: candidate.length,
    difference: (onlyFirst - onlySecond) / candidate.length,
    ...bounds(clusteredInterval(observations, options)),
    onlyCandidate: onlyFirst,
    onlyOther: onlySecond,
    p: mcnemarExact({ onlyFirst, onlySecond }),
  };
}

function assertSameQuestions(a: readonly Prediction[], b: readonly Prediction[]): void {
  const same = a.length === b.length && a.every(({ claimId }, at) => claimId === b[at]!.claimId);
  if (!same) throw new RangeError('compare: the two candidates were not asked the same questions');
}

function isRight({ gold, predicted }: Prediction): boolean {
  return gold === predicted;
}

function score(prediction: Prediction): number {
  return isRight(prediction) ? 1 : 0;
}

function bounds(interval: Interval | undefined): { low: number | null; high: number | null } {
  return interval === undefined ? { low: null, high: null } : { ...interval };
}

function nameOf({ model, candidate, shots, scoring }: Cell): CellName {
  return { model, candidate, shots, scoring };
}
