/**
 * The results of one model as text for a terminal. Knows finished numbers only.
 */
import type { Baseline } from './baseline.ts';
import type { AccuracyInterval, Comparison } from './comparison.ts';
import type { ResultRow } from './result.ts';

export interface Results {
  readonly rows: readonly ResultRow[];
  readonly intervals: readonly AccuracyInterval[];
  readonly comparisons: readonly Comparison[];
  readonly baselines: readonly Baseline[];
}

/** Columns of numbers are this wide: `.412–.498` and a blank on each side. */
const COLUMN = 11;
/** And the names before them this wide: `max |Δ logit|`. */
const LABEL = 13;

/** One block of tables a model and scoring, at most 81 columns wide below its title with six numbers of shots. */
export function resultsTable(results: Results): string {
  const blocks = new Set(results.rows.map(({ model, scoring }) => `${model}, ${scoring}`));
  return [...blocks]
    .map((title) => {
      const isOwn = (item: { model: string; scoring: string }) =>
        `${item.model}, ${item.scoring}` === title;
      return scoringTable(title, {
        rows: results.rows.filter(isOwn),
        intervals: results.intervals.filter(isOwn),
        comparisons: results.comparisons.filter(isOwn),
        baselines: results.baselines,
      });
    })
    .join('\n');
}

function scoringTable(title: string, results: Results): string {
  const { rows, baselines } = results;
  const shots = [...new Set(rows.map((row) => row.shots))].sort((a, b) => a - b);
  const candidates = [...new Set(rows.map((row) => row.candidate))];
  const cell = (candidate: string, count: number) =>
    rows.find((row) => row.candidate === candidate && row.shots === count);
  const line = (label: string, cells: readonly string[]) =>
    `${label.padEnd(LABEL)}${cells.map((text) => text.padStart(COLUMN)).join('')}`.trimEnd();
  const byShots = (candidate: string, show: (row: ResultRow) => string, label = candidate) =>
    line(
      label,
      shots.map((count) => showCell(cell(candidate, count), show)),
    );
  const header = (what: string) =>
    line(
      what,
      shots.map((count) => shotsLabel(count)),
    );
  return [
    `${title}: ${rows[0]!.n} questions, 95 % intervals by page; * differs from pretrained (Holm p < .05)`,
    '',
    header('accuracy'),
    ...candidates.flatMap((candidate) => [
      byShots(candidate, (row) => share(row.accuracy) + mark(row, results)),
      byShots(candidate, (row) => intervalOf(row, results), ''),
    ]),
    ...baselines.map((baseline) => line(baselineName(baseline), [`${share(baseline.accuracy)} `])),
    '',
    header('f1 macro'),
    ...candidates.map((candidate) => byShots(candidate, (row) => `${share(row.f1MacroUnion)} `)),
    ...baselines.map((baseline) =>
      line(baselineName(baseline), [`${share(baseline.f1MacroUnion)} `]),
    ),
    ...invalidLines(rows, candidates, { header, byShots }),
    '',
    header('max |Δ logit|'),
    ...memoriesOf(candidates).map((candidate) =>
      byShots(candidate, (row) => `${row.maxAbsLogitDelta.toPrecision(3)} `),
    ),
    header('changed'),
    ...memoriesOf(candidates).map((candidate) =>
      byShots(candidate, (row) => `${(100 * row.changedPredictions).toFixed(1)} %`),
    ),
    '',
  ].join('\n');
}

/** Only where an answer can be invalid. */
function invalidLines(
  rows: readonly ResultRow[],
  candidates: readonly string[],
  write: {
    header: (what: string) => string;
    byShots: (candidate: string, show: (row: ResultRow) => string) => string;
  },
): string[] {
  if (rows.every(({ scoring }) => scoring === 'likelihood')) return [];
  const lines = candidates.map((candidate) =>
    write.byShots(candidate, (row) => `${(100 * row.invalidRate).toFixed(1)} %`),
  );
  return ['', write.header('invalid'), ...lines];
}

function memoriesOf(candidates: readonly string[]): string[] {
  return candidates.filter((candidate) => candidate !== 'pretrained');
}

function showCell(row: ResultRow | undefined, show: (row: ResultRow) => string): string {
  return row === undefined ? '– ' : show(row);
}

function shotsLabel(count: number): string {
  return `${count} ${count === 1 ? 'shot' : 'shots'}`;
}

function baselineName({ name }: Baseline): string {
  return name === 'majority' ? 'majority' : 'naive Bayes';
}

function mark({ candidate, shots }: ResultRow, { comparisons }: Results): string {
  const own = comparisons.find((item) => item.candidate === candidate && item.shots === shots);
  return own !== undefined && own.pHolm < 0.05 ? '*' : ' ';
}

function intervalOf({ candidate, shots }: ResultRow, { intervals }: Results): string {
  const own = intervals.find((item) => item.candidate === candidate && item.shots === shots);
  if (own === undefined || own.low === null || own.high === null) return '– ';
  return `${share(own.low)}–${share(own.high)}`;
}

/** `.412`: three digits without the zero, as the field writes shares; 1 is `1.00`. */
export function share(value: number): string {
  const text = value.toFixed(3);
  return text.startsWith('0') ? text.slice(1) : value.toFixed(2);
}
