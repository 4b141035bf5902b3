/**
 * From replies to predictions (one line a question and candidate) and result rows (one a candidate,
 * number of shots and scoring). Knows no model: the same code judges every candidate.
 */
import type { Label } from '../fever/label.ts';
import type { Answer } from './answer.ts';
import { type Outcome, PRETRAINED, type Scoring } from './examine.ts';
import { type Metrics, metricsOf } from './metrics.ts';
import type { Prompt } from './prompt.ts';

export interface Prediction {
  readonly model: string;
  readonly candidate: string;
  readonly shots: number;
  readonly scoring: Scoring;
  readonly seed: number;
  readonly claimId: Prompt['claimId'];
  readonly page: string;
  readonly gold: Label;
  readonly predicted: Answer;
  /** Log-likelihoods by letter; null when the answer was generated. */
  readonly scores: Readonly<Record<string, number>> | null;
}

/** The metrics of a cell of the table. */
export interface ResultRow extends Metrics {
  readonly model: string;
  readonly candidate: string;
  readonly shots: number;
  readonly scoring: Scoring;
  /** Largest |difference| of a logit to `pretrained`, over all positions that were scored. */
  readonly maxAbsLogitDelta: number;
  /** Share of the predictions that differ from `pretrained`'s. */
  readonly changedPredictions: number;
}

/** Predictions of one model, candidate, scoring and number of shots, in the prompts' order. */
export interface Cell {
  readonly model: string;
  readonly candidate: string;
  readonly scoring: Scoring;
  readonly shots: number;
  readonly predictions: readonly Prediction[];
}

/** All predictions, by candidate, scoring, number of shots and the prompts' own order. */
export function predictionsOf(
  { replies }: Outcome,
  { model, seed, prompts }: { model: string; seed: number; prompts: readonly Prompt[] },
): Prediction[] {
  const order = prompts.map((_, at) => at).sort((a, b) => prompts[a]!.shots - prompts[b]!.shots);
  return [...replies].flatMap(([candidate, byScoring]) =>
    [...byScoring].flatMap(([scoring, own]) =>
      order.map((at) => {
        const { shots, claimId, page, gold } = prompts[at]!;
        const { answer: predicted, scores = null } = own[at]!;
        return { model, candidate, shots, scoring, seed, claimId, page, gold, predicted, scores };
      }),
    ),
  );
}

/** Sorts predictions into cells; cells and their predictions keep the order of appearance. */
export function cellsOf(predictions: Iterable<Prediction>): Cell[] {
  const cells = new Map<string, Cell & { predictions: Prediction[] }>();
  for (const prediction of predictions) {
    const { model, candidate, scoring, shots } = prediction;
    const name = JSON.stringify([model, candidate, scoring, shots]);
    const cell = cells.get(name);
    if (cell) cell.predictions.push(prediction);
    else cells.set(name, { model, candidate, scoring, shots, predictions: [prediction] });
  }
  return [...cells.values()];
}

/** The `pretrained` cell that another one is compared with. */
export function referenceOf(cell: Cell, cells: readonly Cell[]): Cell | undefined {
  return cells.find(
    ({ model, candidate, scoring, shots }) =>
      candidate === PRETRAINED &&
      model === cell.model &&
      scoring === cell.scoring &&
      shots === cell.shots,
  );
}

/** One row a cell. `deltas` as in `Outcome`. */
export function resultRows(cells: readonly Cell[], deltas: Outcome['deltas']): ResultRow[] {
  return cells.map((cell) => {
    const { model, candidate, shots, scoring, predictions } = cell;
    return {
      model,
      candidate,
      shots,
      scoring,
      ...metricsOf(predictions),
      maxAbsLogitDelta: Number((deltas.get(candidate)?.get(shots) ?? 0).toPrecision(6)),
      changedPredictions: changedShare(cell, referenceOf(cell, cells)),
    };
  });
}

function changedShare({ predictions }: Cell, reference: Cell | undefined): number {
  const changed = predictions.filter(
    ({ predicted }, at) => predicted !== (reference?.predictions[at]?.predicted ?? predicted),
  );
  return changed.length / predictions.length;
}

/** Memories that change no logit at any number of shots: they were not applied, or are void. */
export function ineffective(deltas: Outcome['deltas']): string[] {
  return [...deltas]
    .filter(
      ([candidate, byShots]) => candidate !== PRETRAINED && Math.max(...byShots.values()) === 0,
    )
    .map(([candidate]) => candidate);
}
