/**
 * What a report is made from, gathered from the files that other stages wrote. Knows those formats,
 * no layout.
 */
import { readFileSync } from 'node:fs';
import { DataError } from '../../fever/data-error.ts';
import { countOf, FieldError, recordOf } from '../../fever/field.ts';
import { readJsonLines } from '../../fever/json-lines.ts';
import type { Calibration } from './calibration.ts';
import type { QuestionAnswer } from './questions.ts';
import type { ModelResults, Row } from './results-file.ts';
import type { CellTally, Tallies } from './tally.ts';

export type Settings = Readonly<Record<string, unknown>>;

/** Mean loss of each epoch of one memory's training; a candidate has one a seed. */
export interface TrainingCurve {
  readonly model: string;
  readonly candidate: string;
  readonly losses: readonly { readonly epoch: number; readonly loss: number }[];
}

export interface TrainingSettings {
  readonly model: string;
  readonly candidate: string;
  readonly settings: Settings;
}

export interface Counts {
  readonly extract: Settings;
  readonly truncate: Settings;
  readonly templates: Settings;
}

/** A file that the report was made from. */
export interface Source {
  /** As in `results, neox-mini`. */
  readonly name: string;
  readonly digest: string;
}

export interface Report {
  readonly models: readonly ModelResults[];
  readonly tallies: Tallies;
  readonly answers: readonly QuestionAnswer[];
  readonly calibrations: readonly Calibration[];
  readonly curves: readonly TrainingCurve[];
  readonly training: readonly TrainingSettings[];
  readonly counts: Counts;
  readonly sources: readonly Source[];
  readonly seed: number;
}

/** The mean loss by epoch, from `train`'s line for every step. */
export function readCurve(path: string, name: { model: string; candidate: string }): TrainingCurve {
  const epochs = new Map<number, { sum: number; count: number }>();
  for (const { epoch, loss } of readJsonLines(path, decodeStep)) {
    const total = epochs.get(epoch) ?? { sum: 0, count: 0 };
    epochs.set(epoch, { sum: total.sum + loss, count: total.count + 1 });
  }
  const losses = [...epochs].map(([epoch, { sum, count }]) => ({ epoch, loss: sum / count }));
  return { ...name, losses };
}

function decodeStep(value: unknown): { epoch: number; loss: number } {
  const { epoch, loss } = recordOf(value);
  if (typeof loss !== 'number') throw new FieldError('loss: expected a number');
  return { epoch: countOf(epoch, 'epoch'), loss };
}

export function readSettings(path: string): Settings {
  return recordOf(JSON.parse(readFileSync(path, 'utf8')));
}

/**
 * Predictions and results must tell of the same answers: a table beside a confusion matrix of other
 * answers would contradict it, and nobody could say which is right. @throws DataError where they don't
 */
export function requireAgreement({ cells }: Tallies, models: readonly ModelResults[]): void {
  for (const { model, rows } of models) {
    for (const row of rows) {
      const cell = cells.find((each) => each.model === model && isCellOf(each, row));
      const accuracy = cell === undefined ? undefined : accuracyOf(cell);
      if (accuracy !== undefined && Math.abs(accuracy - row.accuracy) < 1e-9) continue;
      const found = accuracy === undefined ? 'hold none' : `have an accuracy of ${accuracy}`;
      throw new DataError(
        `agreement gate: of ${model}, ${row.candidate}, ${row.shots} shots, ${row.scoring}, the results ` +
          `say ${row.accuracy} and the predictions ${found}`,
        { hint: 'give report the predictions and the results of one and the same eval' },
      );
    }
  }
}

function isCellOf(cell: CellTally, row: Row): boolean {
  return (
    cell.candidate === row.candidate &&
    cell.shots === row.shots &&
    cell.scoring === row.scoring &&
    cell.letters === row.letters
  );
}

function accuracyOf({ counts }: CellTally): number {
  let right = 0;
  let n = 0;
  for (const [gold, answers] of counts) {
    right += answers.get(gold) ?? 0;
    for (const count of answers.values()) n += count;
  }
  return right / n;
}
