/**
 * The report's text and tables, in order. Knows results and blocks, neither Markdown nor HTML.
 */
import { LABELS } from '../../fever/label.ts';
import { titleText } from '../../fever/title.ts';
import { INVALID } from '../answer.ts';
import type { Comparison } from '../comparison.ts';
import { confusionOf } from '../metrics.ts';
import type { Cell, ResultRow } from '../result.ts';
import type { Block, Table } from './document.ts';
import { accuracyFigure, differenceFigure, trainingFigure } from './figures.ts';
import type { Pooled, QuestionAnswer } from './questions.ts';
import type { ModelResults, Report } from './report.ts';

export function composeReport(report: Report, answers: readonly QuestionAnswer[]): Block[] {
  return [
    { kind: 'heading', level: 1, text: 'Does memory help factual prediction?' },
    { kind: 'paragraph', text: summaryOf(report) },
    ...answerBlocks(answers),
    ...knowledgeBlocks(report),
    ...figureBlocks(report),
    ...noteTables(report),
    ...fullResults(report),
    ...effectBlocks(report),
    ...detailBlocks(report),
    ...dataBlocks(report),
  ];
}

function summaryOf({ models, cells, leakage }: Report): string {
  const n = cells[0]?.predictions.length ?? 0;
  const pages = new Set(cells[0]?.predictions.map(({ page }) => page)).size;
  const names = models.map(({ model }) => model).join(', ');
  return (
    `${n} claims on ${pages} pages, asked of ${names}. ` +
    `${leakage.normalised} of these claims occur in the training examples; ${leakage.inDocuments} ` +
    'stand word for word in a page that doc and doctemp learn. ' +
    'Accuracies carry 95\u00a0% intervals from a bootstrap that resamples pages; p-values are of ' +
    'McNemar’s exact test.'
  );
}

function answerBlocks(answers: readonly QuestionAnswer[]): Block[] {
  const blocks: Block[] = [
    { kind: 'heading', level: 2, text: 'The four questions' },
    {
      kind: 'paragraph',
      text:
        'A verdict looks at all numbers of shots together: “yes” or “no” where the 95\u00a0% interval of ' +
        'the difference excludes 0, else “not shown”.',
    },
  ];
  for (const answer of answers) {
    blocks.push(
      { kind: 'heading', level: 3, text: `${answer.number}. ${answer.question}` },
      {
        kind: 'paragraph',
        lead: verdictText(answer),
        text: answer.pooled.map(pooledText).join(' '),
      },
      {
        kind: 'details',
        summary: 'By number of shots',
        blocks: [comparisonTable(answer.comparisons)],
      },
    );
  }
  return blocks;
}

function verdictText({ verdict, model, scoring }: QuestionAnswer): string {
  const words = { yes: 'Yes', no: 'No', 'not shown': 'Not shown' }[verdict];
  return `${model}, ${scoring}: ${words}.`;
}

function pooledText({ candidate, against, ...pooled }: Pooled): string {
  const { accuracy, otherAccuracy, difference, low, high } = pooled;
  const interval =
    low === null || high === null
      ? 'no interval from one page'
      : `95\u00a0% interval ${signed(low)} to ${signed(high)}`;
  return (
    `${candidate}: ${digits(accuracy)}, ${against}: ${digits(otherAccuracy)}; ` +
    `difference ${signed(difference)} (${interval}).`
  );
}

function comparisonTable(comparisons: readonly Comparison[], caption?: string): Table {
  return {
    kind: 'table',
    ...(caption === undefined ? {} : { caption }),
    head: [
      'candidate',
      'against',
      'shots',
      'difference',
      '95\u00a0% interval',
      'only it',
      'only other',
      'p',
      'Holm p',
    ],
    rows: comparisons.map((item) => [
      item.candidate,
      item.against,
      String(item.shots),
      signed(item.difference),
      item.low === null || item.high === null ? '–' : `${signed(item.low)} to ${signed(item.high)}`,
      String(item.onlyCandidate),
      String(item.onlyOther),
      pText(item.p),
      pText(item.pHolm),
    ]),
    words: 2,
  };
}

/** A memory that does not beat a model of the claims' words has not shown knowledge. */
function knowledgeBlocks({ models }: Report): Block[] {
  return models.flatMap(({ model, baselines, againstNaiveBayes }): Block[] => {
    const bayes = baselines.find(({ name }) => name === 'naive-bayes');
    if (bayes === undefined) return [];
    const better = againstNaiveBayes.filter(({ low, pHolm }) => (low ?? 0) > 0 && pHolm < 0.05);
    const names = namesOf(better);
    const sentence =
      better.length === 0
        ? 'No candidate beats it surely at any number of shots, so that no accuracy here shows knowledge of the pages.'
        : `Surely better than it: ${names}.`;
    return [
      { kind: 'heading', level: 2, text: `Knowledge or wording? ${model}` },
      {
        kind: 'paragraph',
        text:
          `Naive Bayes on the words of the claim alone, trained on the pages’ training claims, reaches ` +
          `${digits(bayes.accuracy)}. ${sentence}`,
      },
      {
        kind: 'details',
        summary: 'Every candidate against naive Bayes',
        blocks: [comparisonTable(againstNaiveBayes)],
      },
    ];
  });
}

/** `doc at 1, 2 shots; temp at 3 shots`. */
function namesOf(comparisons: readonly Comparison[]): string {
  const shots = new Map<string, number[]>();
  for (const { candidate, shots: count } of comparisons) {
    shots.set(candidate, [...(shots.get(candidate) ?? []), count]);
  }
  return [...shots].map(([name, counts]) => `${name} at ${counts.join(', ')} shots`).join('; ');
}

/** One table a candidate: one row a model, one column a number of shots. */
function noteTables(report: Report): Block[] {
  const rows = report.models.flatMap((results) => results.rows);
  const scorings = [...new Set(rows.map(({ scoring }) => scoring))];
  const blocks: Block[] = [{ kind: 'heading', level: 2, text: 'Accuracy by number of shots' }];
  for (const scoring of scorings) {
    for (const candidate of new Set(rows.map((row) => row.candidate))) {
      blocks.push(
        noteTable(
          report,
          rows.filter((row) => row.scoring === scoring && row.candidate === candidate),
        ),
      );
    }
  }
  for (const { model, baselines } of report.models) {
    const texts = baselines.map(
      ({ name, label, accuracy, low, high }) =>
        `${name}${label === undefined ? '' : ` (${label})`} ${digits(accuracy)}${intervalText(low, high)}`,
    );
    if (texts.length > 0) {
      blocks.push({
        kind: 'paragraph',
        text: `Baselines on ${model}’s questions: ${texts.join('; ')}.`,
      });
    }
  }
  return blocks;
}

function noteTable({ models }: Report, rows: readonly ResultRow[]): Table {
  const shots = [...new Set(rows.map((row) => row.shots))].sort((a, b) => a - b);
  const { candidate, scoring } = rows[0]!;
  return {
    kind: 'table',
    caption: `${candidate} (${scoring})`,
    head: ['model', ...shots.map((count) => `${count}-shot`)],
    rows: models.map(({ model, intervals }) => [
      model,
      ...shots.map((count) => {
        const row = rows.find((item) => item.model === model && item.shots === count);
        const interval = intervals.find(
          (item) =>
            item.shots === count && item.candidate === candidate && item.scoring === scoring,
        );
        if (row === undefined) return '–';
        const bounds = intervalText(interval?.low ?? null, interval?.high ?? null);
        return `${digits(row.accuracy)}${bounds.replace(' ', '\n')}`;
      }),
    ]),
    words: 1,
  };
}

function fullResults({ models }: Report): Block[] {
  const scorings = [...new Set(models.flatMap(({ rows }) => rows.map(({ scoring }) => scoring)))];
  return [
    { kind: 'heading', level: 2, text: 'Full results' },
    ...scorings.map(
      (scoring): Table => ({
        kind: 'table',
        caption: scoring,
        head: [
          'model',
          'size',
          'candidate',
          'shots',
          'accuracy',
          'f1.micro',
          'f1.macro',
          'f1.macro, 3 labels',
          'f1.macro, gold labels',
          'invalid',
        ],
        rows: models.flatMap((results) =>
          results.rows
            .filter((row) => row.scoring === scoring)
            .map((row) => [
              row.model,
              sizeText(results),
              row.candidate,
              String(row.shots),
              ...[
                row.accuracy,
                row.f1Micro,
                row.f1MacroUnion,
                row.f1MacroFixed3,
                row.f1MacroSupport,
                row.invalidRate,
              ].map(digits),
            ]),
        ),
        words: 3,
      }),
    ),
    {
      kind: 'paragraph',
      text:
        'f1.micro counts INVALID as a label and so equals accuracy. f1.macro averages over the labels in ' +
        'gold or answers, INVALID included (scikit-learn’s default); the next two average over the three ' +
        'labels, and over the labels with gold.',
    },
  ];
}

function figureBlocks({ models, curves }: Report): Block[] {
  const figures = models.flatMap((results) => {
    const scorings = [...new Set(results.rows.map(({ scoring }) => scoring))];
    return [
      ...scorings.flatMap((scoring) => [
        accuracyFigure(results, scoring),
        differenceFigure(results, scoring) ?? [],
      ]),
      trainingFigure(results.model, curves) ?? [],
    ].flat();
  });
  return [{ kind: 'heading', level: 2, text: 'Plots' }, ...figures];
}

/** Whether the memories were applied at all. */
function effectBlocks({ models }: Report): Block[] {
  const memories = models.flatMap(({ model, memories: own, rows }) =>
    own.map(({ candidate, blocks }) => {
      const cells = rows.filter((row) => row.candidate === candidate && row.model === model);
      const delta = Math.max(...cells.map((row) => row.maxAbsLogitDelta));
      const changed = cells.reduce((sum, row) => sum + row.changedPredictions, 0) / cells.length;
      return [
        model,
        candidate,
        blocks.join(', '),
        delta.toPrecision(3),
        `${(100 * changed).toFixed(1)}\u00a0%`,
      ];
    }),
  );
  if (memories.length === 0) return [];
  return [
    { kind: 'heading', level: 2, text: 'What the memories change' },
    {
      kind: 'table',
      head: ['model', 'memory', 'blocks', 'max |Δ logit|', 'changed answers'],
      rows: memories,
      words: 3,
    },
  ];
}

function detailBlocks({ cells }: Report): Block[] {
  return [
    { kind: 'heading', level: 2, text: 'Answers' },
    {
      kind: 'details',
      summary: 'What was answered, by gold label',
      blocks: [confusionTable(cells)],
    },
    { kind: 'details', summary: 'Accuracy by page', blocks: pageTables(cells) },
  ];
}

function confusionTable(cells: readonly Cell[]): Table {
  const answers = [...LABELS, INVALID];
  return {
    kind: 'table',
    head: [
      'model',
      'candidate',
      'scoring',
      'gold',
      'shots',
      ...answers.map((label) => label.toLowerCase()),
    ],
    rows: cells.flatMap(({ model, candidate, scoring, shots, predictions }) => {
      const matrix = confusionOf(predictions);
      return LABELS.filter((label) => matrix.has(label)).map((gold) => [
        model,
        candidate,
        scoring,
        gold.toLowerCase(),
        String(shots),
        ...answers.map((answer) => String(matrix.get(gold)?.get(answer) ?? 0)),
      ]);
    }),
    words: 4,
  };
}

/** Over all numbers of shots; one table a model and scoring. */
function pageTables(cells: readonly Cell[]): Table[] {
  const groups = new Map<string, Cell[]>();
  for (const cell of cells) {
    const name = `${cell.model} (${cell.scoring})`;
    groups.set(name, [...(groups.get(name) ?? []), cell]);
  }
  return [...groups].map(([caption, own]) => pageTable(caption, own));
}

function pageTable(caption: string, cells: readonly Cell[]): Table {
  const candidates = [...new Set(cells.map(({ candidate }) => candidate))];
  const tallies = new Map<string, Map<string, { right: number; n: number }>>();
  for (const { candidate, predictions } of cells) {
    for (const { page, gold, predicted } of predictions) {
      const byCandidate = tallies.get(page) ?? new Map<string, { right: number; n: number }>();
      const tally = byCandidate.get(candidate) ?? { right: 0, n: 0 };
      tally.n += 1;
      if (gold === predicted) tally.right += 1;
      tallies.set(page, byCandidate.set(candidate, tally));
    }
  }
  return {
    kind: 'table',
    caption,
    head: ['page', 'answers each', ...candidates],
    rows: [...tallies].map(([page, byCandidate]) => [
      page === '' ? '(no page)' : titleText(page),
      String(byCandidate.get(candidates[0]!)?.n ?? 0),
      ...candidates.map((candidate) => {
        const tally = byCandidate.get(candidate);
        return tally === undefined ? '–' : digits(tally.right / tally.n);
      }),
    ]),
    words: 1,
  };
}

function dataBlocks({ counts, leakage }: Report): Block[] {
  const { extract, truncate, templates } = counts;
  const value = (of: Readonly<Record<string, unknown>>, name: string) => String(of[name] ?? '–');
  return [
    { kind: 'heading', level: 2, text: 'Data' },
    {
      kind: 'table',
      head: ['count', 'value'],
      rows: [
        ['N_full: evidence pages', value(truncate, 'nFull')],
        ['N_top: pages with most questions', value(truncate, 'nTop')],
        ['N_trunc: pages left', value(truncate, 'nTrunc')],
        ['pages dropped: no text', value(truncate, 'droppedEmpty')],
        ['pages dropped: no training questions', value(truncate, 'droppedNoTrain')],
        ['claims to evaluate on, before selection', value(extract, 'claims')],
        ['claims that repeat the text of another', value(extract, 'duplicateTexts')],
        ['texts with conflicting labels', value(extract, 'conflictingTexts')],
        ['questions asked', value(templates, 'questions')],
        ['training examples', value(templates, 'examples')],
        ['shots from the fallback list', value(templates, 'shotsFromFallback')],
      ],
      words: 1,
    },
    {
      kind: 'paragraph',
      lead: 'Leakage.',
      text:
        `Eval claims that occur in the training examples: ${leakage.exact} word for word, ` +
        `${leakage.normalised} apart from case, quotation marks and closing punctuation. ` +
        `In the pages that doc and doctemp learn: ${leakage.inDocuments} word for word.`,
    },
  ];
}

function intervalText(low: number | null, high: number | null): string {
  return low === null || high === null ? '' : ` (${digits(low)}–${digits(high)})`;
}

function digits(value: number): string {
  return value.toFixed(3);
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(3);
  if (Number(text) === 0) return text;
  return value > 0 ? `+${text}` : `−${text}`;
}

function pText(p: number): string {
  return p < 0.001 ? '< .001' : p.toFixed(3).replace(/^0/, '');
}

/** The size that the model's name gives, else its parameters rounded: `70m`, `1.4b`. */
function sizeText({ model, parameters }: ModelResults): string {
  const named = /(?:^|[^a-z0-9.])(\d+(?:\.\d+)?[mb])(?![a-z0-9])/i.exec(model);
  if (named) return named[1]!.toLowerCase();
  if (parameters < 1e9) return `${Number((parameters / 1e6).toPrecision(2))}m`;
  return `${Number((parameters / 1e9).toPrecision(2))}b`;
}
