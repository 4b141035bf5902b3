/** Accuracy by shots: plots, the note's tables and the full results, with their definitions. */
import { type Block, details, heading, paragraph, type Table } from '../document.ts';
import { accuracyFigure, forestFigure, trainingFigure, viewName } from '../figures.ts';
import { digits, listText, withRange } from '../number-text.ts';
import { isIn, viewsOf } from '../questions.ts';
import type { Report } from '../report.ts';
import type { ModelResults, Row, View } from '../results-file.ts';

/** The views that models were asked in; the baselines see no prompt and have no shots. */
export function askedViews(models: readonly ModelResults[]): View[] {
  return viewsOf(models.flatMap(({ rows }) => rows.filter(({ kind }) => kind !== 'baseline')));
}

export function plotBlocks({ models, curves }: Report): Block[] {
  const [first, ...others] = askedViews(models);
  if (first === undefined) return [];
  return [
    heading(2, 'Plots'),
    ...models.flatMap((results) => [
      ...viewFigures(results, first),
      ...(trainingFigure(results, curves) === undefined ? [] : [trainingFigure(results, curves)!]),
    ]),
    ...others.map((view) =>
      details(
        `Plots: ${viewName(view)}`,
        ...models.flatMap((results) => viewFigures(results, view)),
      ),
    ),
  ];
}

function viewFigures(results: ModelResults, view: View) {
  const name = `${results.model} (${viewName(view)})`;
  const own = results.comparisons.filter(isIn(view)).filter(({ shots }) => shots !== null);
  const memories = own.filter(({ family }) => family === 'memories against pretrained');
  const figures = [
    accuracyFigure(results, view, { kinds: ['base', 'memory'], what: 'memories' }),
    accuracyFigure(results, view, { kinds: ['control'], what: 'controls' }),
    forestFigure(memories, results, {
      title: `${name}: accuracy minus pretrained’s, by number of shots`,
      label: ({ candidate, shots }) => `${candidate}, ${shots}`,
    }),
  ];
  return figures.filter((figure) => figure !== undefined);
}

/** One table a candidate: one row a model, one column a number of shots. */
export function noteTables({ models }: Report): Block[] {
  const [first, ...others] = askedViews(models);
  if (first === undefined) return [];
  return [
    heading(2, 'Accuracy by number of shots'),
    ...candidateTables(models, first),
    ...others.map((view) => details(`Tables: ${viewName(view)}`, ...candidateTables(models, view))),
    baselineParagraph(models),
  ];
}

function candidateTables(models: readonly ModelResults[], view: View): Table[] {
  const rows = models.flatMap((results) => results.rows.filter(isIn(view)));
  const candidates = [...new Set(rows.map(({ candidate }) => candidate))];
  const shots = [...new Set(rows.map((row) => row.shots))].sort((a, b) => a - b);
  return candidates.map((candidate) => ({
    kind: 'table',
    caption: `${candidate} (${viewName(view)})`,
    head: ['model', ...shots.map((count) => `${count}-shot`)],
    rows: models.map(({ model }) => [
      model,
      ...shots.map((count) => {
        const row = rows.find(
          (item) => item.model === model && item.candidate === candidate && item.shots === count,
        );
        return row === undefined ? '–' : withRange(row.accuracy, row.intervals?.accuracy);
      }),
    ]),
    words: 1,
  }));
}

function baselineParagraph(models: readonly ModelResults[]): Block {
  const texts = models.flatMap(({ model, rows }) =>
    rows
      .filter(({ kind }) => kind === 'baseline')
      .map((row) => {
        const interval = withRange(row.accuracy, row.intervals?.accuracy).replace('\n', ' (');
        return `${row.candidate} ${interval}${interval.includes('(') ? ')' : ''} on ${model}’s questions`;
      }),
  );
  return paragraph(`Without any language model: ${listText(texts)}.`);
}

const COLUMNS = [
  ['accuracy', 'accuracy'],
  ['f1.micro', 'f1Micro'],
  ['f1.micro, real', 'f1MicroReal'],
  ['f1.macro', 'f1MacroUnion'],
  ['f1.macro, 3 labels', 'f1MacroFixed3'],
  ['f1.macro, gold', 'f1MacroSupport'],
  ['balanced', 'balancedAccuracy'],
] as const;

/** What the tables call the numbers whose definitions bear other names. */
const SHOWN_NAMES: Readonly<Record<string, string>> = {
  ...Object.fromEntries(COLUMNS.map(([shown, name]) => [name, shown])),
  invalidRate: 'invalid',
  pHolm: 'Holm p',
  pMcNemar: 'McNemar p',
  effectiveN: 'effective n',
  designEffect: 'design effect',
  minimumDetectable: 'detectable',
};

export function fullResults({ models }: Report): Block[] {
  const [first, ...others] = viewsOf(models.flatMap(({ rows }) => rows));
  if (first === undefined) return [];
  const reads = Object.entries(Object.assign({}, ...models.map((each) => each.reads)));
  return [
    heading(2, 'Full results'),
    fullTable(models, first),
    ...others.map((view) => details(`Full results: ${viewName(view)}`, fullTable(models, view))),
    heading(3, 'What the numbers mean'),
    {
      kind: 'definitions',
      items: reads.map(([name, meaning]) => [SHOWN_NAMES[name] ?? name, String(meaning)] as const),
    },
  ];
}

function fullTable(models: readonly ModelResults[], view: View): Table {
  return {
    kind: 'table',
    caption: viewName(view),
    head: [
      'model',
      'size',
      'candidate',
      'shots',
      ...COLUMNS.map(([name]) => name),
      'invalid',
      'n',
      'effective n',
    ],
    rows: models.flatMap((results) =>
      results.rows
        .filter(isIn(view))
        .map((row) => [
          row.model,
          sizeText(results),
          row.candidate,
          String(row.shots),
          ...COLUMNS.map(([, metric]) => withRange(row[metric], row.intervals?.[metric])),
          digits(row.invalidRate),
          String(row.n),
          row.effectiveN === null ? '–' : row.effectiveN.toFixed(0),
        ]),
    ),
    words: 3,
    sortable: true,
  };
}

/** Mean and values of the seeds, where there are several. */
export function seedBlocks({ models }: Report): Block[] {
  const rows = models.flatMap((results) => results.rows.filter((row) => row.replicates.length > 1));
  if (rows.length === 0) return [];
  return [
    heading(2, 'Seeds'),
    paragraph(
      'Each seed is a replicate of the whole: the memory trained anew, or other examples in the prompt. ' +
        'The mean’s interval allows for what the seeds add.',
    ),
    details('Accuracy by seed', seedTable(rows)),
  ];
}

function seedTable(rows: readonly Row[]): Table {
  return {
    kind: 'table',
    head: ['model', 'candidate', 'scoring', 'shots', 'mean', 'by seed'],
    rows: rows.map((row) => [
      row.model,
      row.candidate,
      viewName(row),
      String(row.shots),
      withRange(row.accuracy, row.intervals?.accuracy),
      row.replicates.map(({ accuracy }) => digits(accuracy)).join(' '),
    ]),
    words: 3,
  };
}

/** The size that the model's name gives, else its parameters rounded: `70m`, `1.4b`. */
export function sizeText({ model, parameters }: ModelResults): string {
  const named = /(?:^|[^a-z0-9.])(\d+(?:\.\d+)?[mb])(?![a-z0-9])/i.exec(model);
  if (named) return named[1]!.toLowerCase();
  if (parameters < 1e9) return `${Number((parameters / 1e6).toPrecision(2))}m`;
  return `${Number((parameters / 1e9).toPrecision(2))}b`;
}
