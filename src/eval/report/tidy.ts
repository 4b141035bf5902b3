/**
 * The results as a tidy table: one row a measured number, for other programs to read. Knows results,
 * no layout.
 */
import type { Comparison, ModelResults, Row } from './results-file.ts';
import { METRICS } from './results-file.ts';

const COLUMNS = [
  'model',
  'parameters',
  'candidate',
  'kind',
  'against',
  'shots',
  'letters',
  'scoring',
  'seed',
  'shotSeed',
  'metric',
  'value',
  'low',
  'high',
  'p',
  'pHolm',
  'n',
] as const;

type TidyRow = { readonly [column in (typeof COLUMNS)[number]]?: string | number | null };

/**
 * CSV (RFC 4180, with line feeds). Empty `seed`: the mean over all replicates, with its 95 %
 * interval; else one replicate, which has none of its own. `against` holds the other side of a difference; its
 * empty `shots` means all of them together.
 */
export function renderCsv(models: readonly ModelResults[]): string {
  const rows = models.flatMap((results) => [
    ...results.rows.flatMap((row) => rowsOf(row, results)),
    ...results.comparisons.map((item) => differenceOf(item, results)),
  ]);
  const lines = rows.map((row) => COLUMNS.map((column) => field(row[column])).join(','));
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

function rowsOf(row: Row, { parameters }: ModelResults): TidyRow[] {
  const { model, candidate, kind, shots, letters, scoring, n } = row;
  const name = { model, parameters, candidate, kind, shots, letters, scoring, n };
  const means = METRICS.map((metric): TidyRow => {
    const { low = null, high = null } = row.intervals?.[metric] ?? {};
    return { ...name, metric, value: row[metric], low, high };
  });
  const single = row.replicates.flatMap(({ seed, shotSeed, ...values }) =>
    Object.entries(values).map(
      ([metric, value]): TidyRow => ({
        ...name,
        seed: seed ?? 'none',
        shotSeed: shotSeed ?? 'none',
        metric,
        value,
      }),
    ),
  );
  return [...means, { ...name, metric: 'invalidRate', value: row.invalidRate }, ...single];
}

function differenceOf(item: Comparison, { parameters }: ModelResults): TidyRow {
  const { model, candidate, against, shots, letters, scoring, n, low, high, p, pHolm } = item;
  const name = { model, parameters, candidate, against, shots, letters, scoring, n };
  return { ...name, metric: 'difference', value: item.difference, low, high, p, pHolm };
}

function field(value: string | number | null | undefined): string {
  const text = value == null ? '' : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
