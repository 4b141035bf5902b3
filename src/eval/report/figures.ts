/**
 * The report's plots: accuracy by shots, forests of differences, training curves, reliability. Knows
 * results and what a plot is made of, no page.
 */
import { axisX, axisY, dot, gridX, gridY, line, link, ruleX, ruleY } from '@observablehq/plot';
import type { Calibration } from './calibration.ts';
import type { Figure } from './document.ts';
import { groupedBy } from './grouped.ts';
import { digits, PERCENT, signed } from './number-text.ts';
import { drawPlot, swatch, type Tone, toneAt } from './plot.ts';
import { isIn } from './questions.ts';
import type { TrainingCurve } from './report.ts';
import type { Comparison, Kind, ModelResults, Row, View } from './results-file.ts';

const INTERVALS = `95${PERCENT} intervals`;

/** Accuracy of the candidates of some kinds, with the baselines as lines across. */
export function accuracyFigure(
  results: ModelResults,
  view: View,
  { kinds, what }: { kinds: readonly Kind[]; what: string },
): Figure | undefined {
  const rows = results.rows.filter(isIn(view)).filter(({ kind }) => kinds.includes(kind));
  const names = [...new Set(rows.map(({ candidate }) => candidate))];
  if (names.length === 0) return undefined;
  const points = rows.map((row) => pointOf(row, results, names));
  const baselines = results.rows.filter(({ kind }) => kind === 'baseline');
  const shots = [...new Set(rows.map((row) => row.shots))].sort((a, b) => a - b);
  const title = `${results.model}: accuracy by number of shots, ${what}`;
  const svg = drawPlot({
    title,
    height: 300,
    marginLeft: 44,
    marginTop: 26,
    marginBottom: 42,
    x: { domain: [shots[0]! - 0.4, shots.at(-1)! + 0.4], label: 'shots', labelArrow: 'none' },
    y: { label: 'accuracy', nice: true, zero: false },
    marks: [
      gridY({ strokeOpacity: 0.15 }),
      axisX({
        ticks: shots,
        tickFormat: String,
        tickSize: 0,
        labelAnchor: 'center',
        labelArrow: 'none',
      }),
      axisY({ tickSize: 0, ticks: 6, labelArrow: 'none' }),
      ...baselines.map(({ candidate, accuracy }, at) =>
        ruleY([accuracy], {
          stroke: 'var(--ink)',
          strokeOpacity: 0.7,
          strokeDasharray: DASHES[at % DASHES.length]!,
          title: () => `${candidate}: ${digits(accuracy)}`,
        }),
      ),
      ...seriesMarks(points),
    ],
  });
  return {
    kind: 'figure',
    svg,
    legend: [
      ...names.map((name) => ({ name, swatch: swatch(toneOf(name, results)) })),
      ...baselines.map(({ candidate }, at) => ({
        name: candidate,
        swatch: dashSwatch(DASHES[at % DASHES.length]!),
      })),
    ],
    caption: `${title} (${viewName(view)}), with ${INTERVALS}.`,
  };
}

const DASHES = ['2,4', '8,4', '8,3,2,3'];

interface PlottedPoint {
  readonly x: number;
  readonly y: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly tone: Tone;
  readonly series: string;
  readonly tip: string;
}

/** Series stand side by side at each number of shots, so that their intervals can be told apart. */
function pointOf(row: Row, results: ModelResults, names: readonly string[]): PlottedPoint {
  const shift = (names.indexOf(row.candidate) - (names.length - 1) / 2) * (0.5 / names.length);
  const bounds = row.intervals?.accuracy;
  return {
    x: row.shots + shift,
    y: row.accuracy,
    low: bounds?.low ?? null,
    high: bounds?.high ?? null,
    tone: toneOf(row.candidate, results),
    series: row.candidate,
    tip: `${row.candidate}, ${row.shots} shots: ${digits(row.accuracy)}`,
  };
}

function seriesMarks(points: readonly PlottedPoint[]) {
  return [...groupedBy(points, ({ series }) => series).values()].flatMap((own) => {
    const { color, symbol } = own[0]!.tone;
    return [
      line(own, { x: 'x', y: 'y', stroke: color, strokeWidth: 1.5, strokeOpacity: 0.8 }),
      ruleX(
        own.filter(({ low }) => low !== null),
        { x: 'x', y1: 'low', y2: 'high', stroke: color, strokeOpacity: 0.7 },
      ),
      dot(own, { x: 'x', y: 'y', fill: color, symbol, r: 4, title: 'tip' }),
    ];
  });
}

/** One row a difference; filled where the corrected test finds it. Undefined without any. */
export function forestFigure(
  comparisons: readonly Comparison[],
  results: ModelResults,
  { title, label }: { title: string; label: (item: Comparison) => string },
): Figure | undefined {
  if (comparisons.length === 0) return undefined;
  const rows = comparisons.map((item) => ({
    ...item,
    label: label(item),
    tip: `${label(item)}: ${signed(item.difference)}`,
  }));
  const longest = Math.max(...rows.map((row) => row.label.length));
  const svg = drawPlot({
    title,
    height: 52 + rows.length * 20,
    marginLeft: Math.min(230, 14 + 6.4 * longest),
    marginTop: 6,
    marginBottom: 40,
    x: { label: 'difference of accuracies', labelArrow: 'none', nice: true },
    y: { type: 'point', domain: rows.map((row) => row.label), label: null, padding: 0.6 },
    marks: [
      gridX({ strokeOpacity: 0.15, ticks: 5 }),
      axisX({
        ticks: 5,
        tickSize: 0,
        tickFormat: (value: number) => tickText(value),
        labelAnchor: 'center',
        labelArrow: 'none',
      }),
      axisY({ tickSize: 0 }),
      ruleX([0], { stroke: 'var(--ink)' }),
      ...rows.flatMap((row) => {
        const { color, symbol } = toneOf(row.candidate, results);
        const isFound = row.pHolm < 0.05;
        const whisker = { y: 'label', x1: 'low', x2: 'high', stroke: color, strokeWidth: 2 };
        const face = isFound ? { fill: color } : { fill: 'var(--shade)', stroke: color };
        return [
          row.low === null ? null : ruleY([row], whisker),
          dot([row], { x: 'difference', y: 'label', symbol, r: 4, title: 'tip', ...face }),
        ];
      }),
    ],
  });
  const caption =
    `${title}, with ${INTERVALS}; filled where the test that knows of the clusters, ` +
    'Holm-corrected, gives p < .05.';
  return { kind: 'figure', svg, caption };
}

function tickText(value: number): string {
  return value === 0 ? '0' : `${value > 0 ? '+' : '−'}${Math.abs(value)}`;
}

/** Undefined when nothing was trained. */
export function trainingFigure(
  results: ModelResults,
  curves: readonly TrainingCurve[],
): Figure | undefined {
  const own = curves.filter(({ model, losses }) => model === results.model && losses.length > 0);
  if (own.length === 0) return undefined;
  const title = `${results.model}: training loss by epoch`;
  const tones = new Map(own.map(({ candidate }) => [candidate, toneOf(candidate, results)]));
  const svg = drawPlot({
    title,
    height: 280,
    marginLeft: 44,
    marginTop: 26,
    marginBottom: 42,
    x: { label: 'epoch', labelArrow: 'none', nice: true },
    y: { label: 'mean loss (nats a token)', nice: true, zero: true },
    marks: [
      gridY({ strokeOpacity: 0.15 }),
      axisX({ tickSize: 0, ticks: 6, labelAnchor: 'center', labelArrow: 'none' }),
      axisY({ tickSize: 0, ticks: 6, labelArrow: 'none' }),
      ...own.flatMap(({ candidate, losses }) => {
        const { color, symbol } = tones.get(candidate)!;
        const shape = { x: 'epoch', y: 'loss' };
        const title = (point: { epoch: number; loss: number }) =>
          `${candidate}, epoch ${point.epoch}: ${digits(point.loss)}`;
        return [
          line(losses, { ...shape, stroke: color, strokeWidth: 1.5 }),
          dot(losses, { ...shape, fill: color, symbol, r: losses.length > 30 ? 0 : 3, title }),
        ];
      }),
    ],
  });
  return {
    kind: 'figure',
    svg,
    legend: [...tones].map(([name, tone]) => ({ name, swatch: swatch(tone) })),
    caption: `${title}. Texts differ between candidates, and so do their losses.`,
  };
}

/** Of the model and its memories; undefined where no answer has scores. */
export function reliabilityFigure(
  calibrations: readonly Calibration[],
  results: ModelResults,
  view: View,
): Figure | undefined {
  const drawn = results.candidates.filter(({ kind }) => kind === 'base' || kind === 'memory');
  const own = calibrations
    .filter(isIn(view))
    .filter(
      ({ model, candidate }) =>
        model === results.model && drawn.some(({ name }) => name === candidate),
    );
  if (own.length === 0) return undefined;
  const title = `${results.model}: how often the answer is right, by how sure the model is`;
  const least = Math.min(
    ...own.flatMap(({ bins }) => bins.map(({ confidence, low }) => Math.min(confidence, low ?? 1))),
  );
  const from = Math.max(0, Math.floor(least * 10) / 10);
  const svg = drawPlot({
    title,
    height: 320,
    marginLeft: 44,
    marginTop: 26,
    marginBottom: 42,
    x: { domain: [from, 1], label: 'confidence', labelArrow: 'none' },
    y: { domain: [from, 1], label: 'accuracy' },
    marks: [
      gridY({ strokeOpacity: 0.15 }),
      gridX({ strokeOpacity: 0.15 }),
      axisX({ tickSize: 0, ticks: 5, labelAnchor: 'center', labelArrow: 'none' }),
      axisY({ tickSize: 0, ticks: 5, labelArrow: 'none' }),
      link([{ from, to: 1 }], {
        x1: 'from',
        x2: 'to',
        y1: 'from',
        y2: 'to',
        stroke: 'var(--ink)',
        strokeOpacity: 0.7,
        strokeDasharray: '2,4',
      }),
      ...own.flatMap(({ candidate, bins }) =>
        seriesMarks(
          bins.map(({ confidence, accuracy, low, high, n }) => ({
            x: confidence,
            y: accuracy,
            low: low === null ? null : Math.max(low, from),
            high,
            tone: toneOf(candidate, results),
            series: candidate,
            tip: `${candidate}: ${digits(accuracy)} right at a confidence of ${digits(confidence)} (${n} answers)`,
          })),
        ),
      ),
    ],
  });
  return {
    kind: 'figure',
    svg,
    legend: [
      ...own.map(({ candidate }) => ({
        name: candidate,
        swatch: swatch(toneOf(candidate, results)),
      })),
      { name: 'as sure as right', swatch: dashSwatch('2,4') },
    ],
    caption: `${title} (${viewName(view)}, all numbers of shots), with ${INTERVALS}; each point holds a sixth of the answers.`,
  };
}

/** Candidates keep their colour in every plot of a model, controls after the memories. */
function toneOf(candidate: string, { candidates }: ModelResults): Tone {
  const drawn = candidates.filter(({ kind }) => kind !== 'baseline').map(({ name }) => name);
  const at = drawn.indexOf(candidate);
  return toneAt(at < 0 ? drawn.length : at);
}

/** `likelihood`, and the letters where they are not in the usual order. */
export function viewName({ scoring, letters }: View): string {
  return letters === 'abc' ? scoring : `${scoring}, letters ${letters}`;
}

function dashSwatch(dashes: string): string {
  return `<svg viewBox="0 0 24 12" aria-hidden="true"><path d="M0,6H24" stroke="var(--ink)" stroke-dasharray="${dashes}"/></svg>`;
}
