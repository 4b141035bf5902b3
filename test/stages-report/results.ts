/**
 * What `eval`, `train` and the data stages leave for `report`, made up from known rates: right answers
 * are placed by rule, so that tests know what the report must find.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { accuracyIntervals, comparisonsOf, comparisonsWith } from '../../src/eval/comparison.ts';
import { cellsOf, type Prediction, resultRows } from '../../src/eval/result.ts';
import { LABELS, type Label } from '../../src/fever/label.ts';
import { fanIn, files } from '../stages-eval/stage-run.ts';
import { writeLines } from '../stages-eval/world.ts';

export interface Made {
  /** Share of right answers by candidate, and what each shot adds to it. */
  readonly rates: Readonly<Record<string, { rate: number; perShot: number }>>;
  readonly models: readonly string[];
  readonly pages: readonly string[];
  readonly questionsPerPage: number;
  readonly shots: readonly number[];
}

export const DEFAULT: Made = {
  rates: {
    pretrained: { rate: 0.4, perShot: 0.02 },
    doc: { rate: 0.42, perShot: 0.02 },
    temp: { rate: 0.6, perShot: 0.01 },
    doctemp: { rate: 0.62, perShot: 0.01 },
  },
  models: ['neox-mini'],
  pages: Array.from({ length: 40 }, (_, at) => (at === 3 ? '<b>&_"page"_|_`x`' : `Page_${at}`)),
  questionsPerPage: 8,
  shots: [0, 1, 2, 3, 4, 5],
};

/** Writes the files below `folder` and returns them as the stage's inputs. */
export function makeInputs(folder: string, made: Made = DEFAULT) {
  mkdirSync(folder, { recursive: true });
  const models = made.models.map((model) => writeModel(folder, model, made));
  const stats = writeStats(folder, made);
  return {
    predictions: fanIn(models.map(({ model, predictions }) => [{ model }, predictions])),
    results: fanIn(models.map(({ model, results }) => [{ model }, results])),
    training: fanIn(models.flatMap(({ training }) => training)),
    ...stats,
  };
}

function writeModel(folder: string, model: string, made: Made) {
  const predictions = predictionsOf(model, made);
  const cells = cellsOf(predictions);
  const deltas = new Map(
    Object.keys(made.rates).map((name) => [
      name,
      new Map(made.shots.map((count) => [count, name === 'pretrained' ? 0 : 1.5 + count])),
    ]),
  );
  const naiveBayes = { rate: 0.55, perShot: 0 };
  const bayesCells = cellsOf(
    predictionsOf(model, { ...made, rates: { 'naive-bayes': naiveBayes } }),
  );
  const path = (name: string) => join(folder, `${model}-${name}`);
  writeLines(path('predictions.jsonl'), predictions);
  const results = {
    model,
    parameters: 1_534_000,
    seed: 0,
    rows: resultRows(cells, deltas),
    intervals: accuracyIntervals(cells, { seed: 0 }),
    comparisons: comparisonsOf(cells, { seed: 0 }),
    baselines: [
      {
        name: 'majority',
        label: 'SUPPORTS',
        n: 320,
        accuracy: 0.5,
        low: 0.46,
        high: 0.54,
        f1MacroUnion: 0.33,
        f1MacroFixed3: 0.22,
      },
      {
        name: 'naive-bayes',
        n: 320,
        accuracy: 0.55,
        low: 0.5,
        high: 0.6,
        f1MacroUnion: 0.5,
        f1MacroFixed3: 0.4,
      },
    ],
    againstNaiveBayes: comparisonsWith(
      cells,
      (cell) => bayesCells.find(({ shots }) => shots === cell.shots),
      { seed: 0 },
    ),
    memories: Object.keys(made.rates)
      .filter((name) => name !== 'pretrained')
      .map((candidate) => ({ candidate, blocks: [4] })),
  };
  writeFileSync(path('results.json'), JSON.stringify(results));
  const training = results.memories.map(({ candidate }, at) => {
    const file = path(`${candidate}-metrics.jsonl`);
    writeLines(
      file,
      Array.from({ length: 50 }, (_, step) => stepOf(step, at)),
    );
    return [{ model, candidate }, file] as const;
  });
  return { model, predictions: path('predictions.jsonl'), results: path('results.json'), training };
}

function stepOf(step: number, at: number) {
  const loss = 3 * Math.exp(-step / (12 + 4 * at)) + 0.4;
  return { step, epoch: Math.floor(step / 2), loss, learningRate: 0.001, gradNorm: 1 };
}

/** A low-discrepancy sequence decides who is right, so that rates are met and yet differ by page. */
function predictionsOf(
  model: string,
  { rates, pages, questionsPerPage, shots }: Made,
): Prediction[] {
  return Object.entries(rates).flatMap(([candidate, { rate, perShot }], c) =>
    shots.flatMap((count) =>
      pages.flatMap((page, p) =>
        Array.from({ length: questionsPerPage }, (_, q): Prediction => {
          const place = p * questionsPerPage + q;
          const gold = LABELS[place % 2]!;
          const isRight =
            (place * 0.61803398875 + c * 0.07 + count * 0.03) % 1 < rate + perShot * count;
          const predicted: Label = isRight ? gold : LABELS[(place % 2) + 1]!;
          return {
            model,
            candidate,
            shots: count,
            scoring: 'likelihood',
            seed: 0,
            claimId: place,
            page,
            gold,
            predicted,
            scores: null,
          };
        }),
      ),
    ),
  );
}

function writeStats(folder: string, { pages, questionsPerPage }: Made) {
  const write = (name: string, value: object) => {
    const path = join(folder, `${name}.json`);
    writeFileSync(path, JSON.stringify(value));
    return files(path);
  };
  const questions = pages.length * questionsPerPage;
  return {
    extracted: write('extracted', {
      nFull: 120,
      claims: 600,
      duplicateTexts: 4,
      conflictingTexts: 1,
    }),
    truncated: write('truncated', {
      nFull: 120,
      nTop: 100,
      nTrunc: pages.length,
      droppedEmpty: 2,
      droppedNoTrain: 5,
      questions,
    }),
    templates: write('templates', {
      questions,
      prompts: questions * 6,
      examples: 500,
      documents: 40,
      leakage: { exact: 0, normalised: 0, inDocuments: 2 },
      shotsFromFallback: 12,
    }),
  };
}
