/**
 * The tables that a paper shows, as LaTeX with booktabs: `\input` the file, or take a table out of it.
 * Knows results, no page.
 */

import { viewName } from './figures.ts';
import { groupedBy } from './grouped.ts';
import { digits, rangeText, signed, signedRange } from './number-text.ts';
import { isIn } from './questions.ts';
import type { Comparison, ModelResults, View } from './results-file.ts';
import { askedViews, sizeText } from './section/accuracy.ts';

export function renderLatex(models: readonly ModelResults[]): string {
  const views = askedViews(models);
  const tables = [
    ...views.flatMap((view) => accuracyTables(models, view)),
    ...views.map((view) => fullTable(models, view)),
    ...differenceTables(models),
  ];
  return `% Needs \\usepackage{booktabs} and \\usepackage{longtable}.\n${tables.join('\n')}`;
}

/** One a candidate: one row a model with its intervals below, one column a number of shots. */
function accuracyTables(models: readonly ModelResults[], view: View): string[] {
  const rows = models.flatMap((results) => results.rows.filter(isIn(view)));
  const shots = [...new Set(rows.map((row) => row.shots))].sort((a, b) => a - b);
  return [...groupedBy(rows, ({ candidate }) => candidate)].map(([candidate, own]) =>
    floating({
      columns: `l${'r'.repeat(shots.length)}`,
      head: ['model', ...shots.map((count) => `${count}-shot`)],
      rows: models.flatMap(({ model }) => {
        const cells = shots.map((count) =>
          own.find((item) => item.model === model && item.shots === count),
        );
        return [
          [model, ...cells.map((row) => (row === undefined ? '–' : digits(row.accuracy)))],
          ['', ...cells.map((row) => rangeText(row?.intervals?.accuracy))],
        ];
      }),
      caption: `Accuracy of ${candidate} (${viewName(view)}) with 95 % intervals.`,
      label: `accuracy-${candidate}-${viewName(view)}`,
    }),
  );
}

const FULL_METRICS = ['accuracy', 'f1Micro', 'f1MacroUnion'] as const;

function fullTable(models: readonly ModelResults[], view: View): string {
  const estimates = ['accuracy', 'f1.micro', 'f1.macro'].flatMap((name) => [name, '95 %']);
  const head = ['model', 'size', 'candidate', 'shots', ...estimates];
  const rows = models.flatMap((results) =>
    results.rows
      .filter(isIn(view))
      .map((row) => [
        row.model,
        sizeText(results),
        row.candidate,
        String(row.shots),
        ...FULL_METRICS.flatMap((metric) => [
          digits(row[metric]),
          rangeText(row.intervals?.[metric]),
        ]),
      ]),
  );
  return [
    '{\\footnotesize',
    '\\begin{longtable}{lllrrrrrrr}',
    `\\caption{${escapeText(`Full results (${viewName(view)}).`)}}\\label{tab:${labelOf(`full-${viewName(view)}`)}}\\\\`,
    '\\toprule',
    line(head),
    '\\midrule',
    '\\endhead',
    '\\bottomrule',
    '\\endfoot',
    ...rows.map(line),
    '\\end{longtable}}',
    '',
  ].join('\n');
}

function differenceTables(models: readonly ModelResults[]): string[] {
  const pooled = models.flatMap(({ comparisons }) =>
    comparisons.filter(({ shots }) => shots === null),
  );
  const head = ['model', 'candidate', 'against', 'difference', '95 % interval', 'Holm p'];
  return [...groupedBy(pooled, (item) => `${item.family} (${viewName(item)})`)].map(([name, own]) =>
    floating({
      columns: 'lllrrr',
      head,
      rows: own.map(differenceRow),
      caption: `Differences of accuracies over all numbers of shots: ${name}.`,
      label: `differences-${name}`,
    }),
  );
}

function differenceRow(item: Comparison): string[] {
  const { model, candidate, against, difference, pHolm } = item;
  return [
    model,
    candidate,
    against,
    signed(difference),
    signedRange(item),
    pHolm < 0.001 ? '< .001' : pHolm.toFixed(3),
  ];
}

interface Floating {
  readonly columns: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly caption: string;
  readonly label: string;
}

function floating({ columns, head, rows, caption, label }: Floating): string {
  return [
    '\\begin{table}',
    '\\centering\\footnotesize',
    `\\caption{${escapeText(caption)}}\\label{tab:${labelOf(label)}}`,
    `\\begin{tabular}{${columns}}`,
    '\\toprule',
    line(head),
    '\\midrule',
    ...rows.map(line),
    '\\bottomrule',
    '\\end{tabular}',
    '\\end{table}',
    '',
  ].join('\n');
}

function line(cells: readonly string[]): string {
  return `${cells.map(escapeText).join(' & ')} \\\\`;
}

function labelOf(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\textbackslash{}',
  '~': '\\textasciitilde{}',
  '^': '\\textasciicircum{}',
  '<': '$<$',
  '>': '$>$',
  '−': '$-$',
  '–': '--',
  '\u00a0': '~',
};

/** Any text as LaTeX shows it. */
export function escapeText(text: string): string {
  return text.replace(/[\\~^<>−–\u00a0]|[&%$#_{}]/g, (sign) => ESCAPES[sign] ?? `\\${sign}`);
}
