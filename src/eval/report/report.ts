/**
 * What a report is made from, gathered from the files that other stages wrote. Knows those formats,
 * no layout.
 */
import { readFileSync } from 'node:fs';
import { decodeId, decodeLabel } from '../../fever/claim.ts';
import { countOf, FieldError, recordOf, stringOf } from '../../fever/field.ts';
import { readJsonLines } from '../../fever/json-lines.ts';
import { isLabel } from '../../fever/label.ts';
import { INVALID } from '../answer.ts';
import type { Baseline } from '../baseline.ts';
import type { AccuracyInterval, Comparison } from '../comparison.ts';
import { type Cell, cellsOf, type Prediction, type ResultRow } from '../result.ts';

/** What `eval` wrote of one model. */
export interface ModelResults {
  readonly model: string;
  /** Of the frozen model. */
  readonly parameters: number;
  readonly seed: number;
  readonly rows: readonly ResultRow[];
  readonly intervals: readonly AccuracyInterval[];
  /** Memories against `pretrained`. */
  readonly comparisons: readonly Comparison[];
  readonly againstNaiveBayes: readonly Comparison[];
  readonly baselines: readonly Baseline[];
  readonly memories: readonly { readonly candidate: string; readonly blocks: readonly number[] }[];
}

/** Mean loss of each epoch of one memory's training. */
export interface TrainingCurve {
  readonly model: string;
  readonly candidate: string;
  readonly losses: readonly { readonly epoch: number; readonly loss: number }[];
}

export interface Leakage {
  /** Eval claims that occur in the training examples, word for word. */
  readonly exact: number;
  /** The same, apart from case, quotation marks and closing punctuation. */
  readonly normalised: number;
  /** Eval claims that stand word for word in a page that is learnt. */
  readonly inDocuments: number;
}

export interface Counts {
  readonly extract: Readonly<Record<string, unknown>>;
  readonly truncate: Readonly<Record<string, unknown>>;
  readonly templates: Readonly<Record<string, unknown>>;
}

export interface Report {
  readonly models: readonly ModelResults[];
  readonly cells: readonly Cell[];
  readonly curves: readonly TrainingCurve[];
  readonly counts: Counts;
  readonly leakage: Leakage;
}

/** @throws SyntaxError when the file is no JSON */
export function readResults(path: string): ModelResults {
  return JSON.parse(readFileSync(path, 'utf8')) as ModelResults;
}

/** Predictions sorted into cells, all files together. @throws DataError at a bad line */
export function readCells(paths: readonly string[]): Cell[] {
  return paths.flatMap((path) => cellsOf(readJsonLines(path, decodePrediction)));
}

function decodePrediction(value: unknown): Prediction {
  const record = recordOf(value);
  const { predicted, scoring } = record;
  if (predicted !== INVALID && !isLabel(predicted)) throw new FieldError('predicted: no label');
  if (scoring !== 'likelihood' && scoring !== 'generate') throw new FieldError('scoring: unknown');
  return {
    model: stringOf(record.model, 'model'),
    candidate: stringOf(record.candidate, 'candidate'),
    shots: countOf(record.shots, 'shots'),
    scoring,
    seed: countOf(record.seed, 'seed'),
    claimId: decodeId(record.claimId, 'claimId'),
    page: stringOf(record.page, 'page'),
    gold: decodeLabel(record.gold, 'gold'),
    predicted,
    scores: null, // a report needs none of them, and they are most of the file
  };
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

export function readCounts(paths: { readonly [stage in keyof Counts]: string }): Counts {
  const read = (path: string) => recordOf(JSON.parse(readFileSync(path, 'utf8')));
  return {
    extract: read(paths.extract),
    truncate: read(paths.truncate),
    templates: read(paths.templates),
  };
}

export function leakageOf({ templates }: Counts): Leakage {
  const leakage = recordOf(templates.leakage);
  return {
    exact: countOf(leakage.exact, 'leakage.exact'),
    normalised: countOf(leakage.normalised, 'leakage.normalised'),
    inDocuments: countOf(leakage.inDocuments, 'leakage.inDocuments'),
  };
}
