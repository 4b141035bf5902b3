/** What was answered: whether the memories took part, confusion matrices, and page by page. */
import { LABELS } from '../../../fever/label.ts';
import { titleText } from '../../../fever/title.ts';
import { INVALID } from '../../answer.ts';
import { type Block, details, heading, paragraph, type Table } from '../document.ts';
import { viewName } from '../figures.ts';
import { digits, percent } from '../number-text.ts';
import type { Report } from '../report.ts';
import type { ModelResults } from '../results-file.ts';
import type { CellTally, PageTally } from '../tally.ts';

/** Whether the memories were applied at all. */
export function effectBlocks({ models }: Report): Block[] {
  const rows = models.flatMap(effectRows);
  if (rows.length === 0) return [];
  return [
    heading(2, 'What the memories change'),
    paragraph(
      'A memory that changes no logit was not applied, and its equal scores would be read as a finding; ' +
        'the effect gate stops such an evaluation.',
    ),
    {
      kind: 'table',
      head: ['model', 'candidate', 'blocks', 'max |Δ logit|', 'changed answers'],
      rows,
      words: 3,
    },
  ];
}

function effectRows({ model, candidates, rows }: ModelResults): string[][] {
  return candidates
    .filter(({ kind }) => kind === 'memory' || kind === 'control')
    .map(({ name, blocks }) => {
      const own = rows.filter(({ candidate }) => candidate === name);
      const deltas = own.flatMap(({ maxAbsLogitDelta }) => maxAbsLogitDelta ?? []);
      const changed = own.reduce((sum, row) => sum + row.changedPredictions, 0) / own.length;
      return [
        model,
        name,
        blocks.length === 0 ? '–' : blocks.join(', '),
        deltas.length === 0 ? '–' : Math.max(...deltas).toPrecision(3),
        percent(changed),
      ];
    });
}

export function confusionBlocks({ tallies }: Report): Block[] {
  const { cells } = tallies;
  if (cells.length === 0) return [];
  const fewest = Math.min(...cells.map(({ shots }) => shots));
  const isShown = ({ scoring, letters, shots }: CellTally) =>
    scoring === 'likelihood' && letters === 'abc' && shots === fewest;
  const shown = cells.filter(isShown);
  const others = cells.filter((cell) => !isShown(cell));
  return [
    heading(2, 'Confusion matrices'),
    paragraph('Answers by gold label, all seeds together; the shade is the share of the row.'),
    ...(shown.length === 0 ? [] : [confusionTable(shown)]),
    ...(others.length === 0
      ? []
      : [details('All numbers of shots and ways of scoring', confusionTable(others))]),
  ];
}

function confusionTable(cells: readonly CellTally[]): Table {
  const answers = [...LABELS, INVALID];
  const lines = cells.flatMap((cell) => {
    const golds = LABELS.filter((label) => cell.counts.has(label));
    return golds.map((gold) => {
      const counts = answers.map((answer) => cell.counts.get(gold)!.get(answer) ?? 0);
      const total = counts.reduce((sum, count) => sum + count, 0);
      const words = [
        cell.model,
        cell.candidate,
        viewName(cell),
        String(cell.shots),
        gold.toLowerCase(),
      ];
      return {
        row: [...words, ...counts.map(String)],
        shades: [...words.map(() => 0), ...counts.map((count) => count / total)],
      };
    });
  });
  return {
    kind: 'table',
    head: [
      'model',
      'candidate',
      'scoring',
      'shots',
      'gold',
      ...answers.map((label) => label.toLowerCase()),
    ],
    rows: lines.map(({ row }) => row),
    shades: lines.map(({ shades }) => shades),
    words: 5,
  };
}

/** Over all numbers of shots and seeds; one table a model and view. */
export function pageBlocks({ tallies }: Report): Block[] {
  const asked = tallies.pages.filter(({ scoring }) => scoring !== 'claim-only');
  if (asked.length === 0) return [];
  return [
    heading(2, 'Pages'),
    paragraph(
      'Accuracy by page, over all numbers of shots and seeds. A page is a handful of questions: read ' +
        'which pages stand out, not their last digits. A click on a column’s head sorts by it.',
    ),
    ...asked.map((tally) =>
      details(`Accuracy by page: ${tally.model}, ${viewName(tally)}`, pageTable(tally)),
    ),
  ];
}

function pageTable({ pages }: PageTally): Table {
  const candidates = [
    ...new Set([...pages.values()].flatMap((byCandidate) => [...byCandidate.keys()])),
  ];
  return {
    kind: 'table',
    head: ['page', 'answers each', ...candidates],
    rows: [...pages].map(([page, byCandidate]) => [
      page === '' ? '(no page)' : titleText(page),
      String(byCandidate.get(candidates[0]!)?.n ?? 0),
      ...candidates.map((candidate) => {
        const tally = byCandidate.get(candidate);
        return tally === undefined ? '–' : digits(tally.right / tally.n);
      }),
    ]),
    words: 1,
    sortable: true,
  };
}
