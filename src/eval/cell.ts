/**
 * Predictions sorted into cells of the results table, and a cell's answers as numbers by question.
 * Knows no metric and no interval.
 */
import type { Replicate } from './inference/values.ts';
import type { Prediction } from './prediction.ts';
import type { AnyScoring } from './scoring.ts';

export interface CellName {
  readonly model: string;
  readonly candidate: string;
  readonly shots: number;
  readonly letters: string;
  readonly scoring: AnyScoring;
}

export interface Answers extends Replicate {
  readonly predictions: readonly Prediction[];
}

/** One model, candidate, number of shots, order of letters and scoring. */
export interface Cell extends CellName {
  /** By training seed and choice of shots; all answer the same questions in the same order. */
  readonly replicates: readonly Answers[];
}

/** Cells, replicates and predictions in the order of appearance. */
export function cellsOf(predictions: Iterable<Prediction>): Cell[] {
  const cells = new Map<string, CellName & { replicates: Map<string, Growing> }>();
  for (const item of predictions) {
    const { model, candidate, shots, letters, scoring, seed, shotSeed } = item;
    const named = { model, candidate, shots, letters, scoring };
    const name = JSON.stringify(named);
    const cell = cells.get(name) ?? { ...named, replicates: new Map<string, Growing>() };
    if (cell.replicates.size === 0) cells.set(name, cell);
    const replicate = cell.replicates.get(`${seed} ${shotSeed}`);
    if (replicate) replicate.predictions.push(item);
    else cell.replicates.set(`${seed} ${shotSeed}`, { seed, shotSeed, predictions: [item] });
  }
  return [...cells.values()].map((cell) => {
    const replicates = [...cell.replicates.values()];
    for (const other of replicates) requireSame(replicates[0]!.predictions, other.predictions);
    return { ...cell, replicates };
  });
}

interface Growing extends Replicate {
  readonly predictions: Prediction[];
}

/** Throws unless both lists answer the same questions in the same order. */
export function requireSame(a: readonly Prediction[], b: readonly Prediction[]): void {
  const same =
    a.length === b.length &&
    a.every(({ claimId, page }, at) => claimId === b[at]!.claimId && page === b[at]!.page);
  if (!same) throw new RangeError('the two were not asked the same questions in the same order');
}

/** 1 where the answer is right, else 0. */
export function rightness(predictions: readonly Prediction[]): Float64Array {
  return Float64Array.from(predictions, ({ gold, predicted }) => (gold === predicted ? 1 : 0));
}

export function nameOf({ model, candidate, shots, letters, scoring }: Cell): CellName {
  return { model, candidate, shots, letters, scoring };
}

/** The different seeds of some replicates, in order of appearance. */
export function seedsOf(replicates: readonly Replicate[]): {
  seeds: (number | null)[];
  shotSeeds: (number | null)[];
} {
  return {
    seeds: [...new Set(replicates.map(({ seed }) => seed))],
    shotSeeds: [...new Set(replicates.map(({ shotSeed }) => shotSeed))],
  };
}
