/**
 * Plots as SVG text for one offline page. Colours are CSS classes of the page, so that light, dark
 * and print share one drawing. Knows series of numbers, nothing of what they mean.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
  /** Ends of an interval around `y`. */
  readonly low?: number | null;
  readonly high?: number | null;
}

export interface Series {
  readonly name: string;
  /** Chooses colour and marker: 0 is the reference's grey. */
  readonly tone: number;
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Horizontal lines, such as baselines. */
  readonly references?: readonly { readonly name: string; readonly y: number }[];
  /** Marks along x; default: round numbers. */
  readonly xTicks?: readonly number[];
  /** Draws a marker and interval at each point. */
  readonly markers: boolean;
}

export interface ForestRow {
  readonly label: string;
  readonly tone: number;
  readonly value: number;
  readonly low: number | null;
  readonly high: number | null;
  /** Filled rather than hollow. */
  readonly significant: boolean;
}

const WIDTH = 420;
const MARGIN = { left: 46, right: 22, top: 30 };

/** Lines over x with intervals, a legend below the axes. */
export function lineChart(chart: LineChart): string {
  const { series, references = [], markers } = chart;
  const legend = legendOf(series, references, markers);
  const height = 308 + legend.height;
  const plot = { left: MARGIN.left, right: WIDTH - MARGIN.right, top: MARGIN.top, bottom: 260 };
  const points = series.flatMap((item) => item.points);
  const ys = points.flatMap(({ y, low, high }) => [y, low ?? y, high ?? y]);
  const yTicks = ticks(extent([...ys, ...references.map(({ y }) => y)]), 6);
  const xTicks = chart.xTicks ?? ticks(extent(points.map(({ x }) => x)), 6);
  const padding = markers ? 0.25 : 0;
  const x = scale([xTicks[0]! - padding, xTicks.at(-1)! + padding], [plot.left, plot.right]);
  const y = scale([yTicks[0]!, yTicks.at(-1)!], [plot.bottom, plot.top]);
  return svg(chart.title, height, [
    ...yTicks.map((tick) => gridLine(plot.left, plot.right, y(tick))),
    ...yTicks.map((tick) => text(plot.left - 6, y(tick) + 4, label(tick, yTicks), 'end')),
    ...xTicks.map((tick) => text(x(tick), plot.bottom + 16, label(tick, xTicks), 'middle')),
    text((plot.left + plot.right) / 2, plot.bottom + 33, chart.xLabel, 'middle'),
    text(0, 12, chart.yLabel, 'start'),
    ...references.map(({ y: at }, index) => referenceLine(plot, y(at), index)),
    ...series.map((item, index) => {
      const shift = markers ? (index - (series.length - 1) / 2) * 5 : 0;
      return drawSeries(item, { x: (value) => x(value) + shift, y }, markers);
    }),
    `<g transform="translate(${plot.left} ${plot.bottom + 50})">${legend.body}</g>`,
  ]);
}

/** One row a difference, with its interval and a line at zero. */
export function forestPlot(title: string, rows: readonly ForestRow[], xLabel: string): string {
  const rowHeight = 20;
  const left = 96;
  const bottom = 10 + rows.length * rowHeight;
  const range = extent([
    0,
    ...rows.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]),
  ]);
  const xTicks = ticks(range, 5);
  const x = scale([xTicks[0]!, xTicks.at(-1)!], [left, WIDTH - MARGIN.right]);
  return svg(title, bottom + 44, [
    ...xTicks.map(
      (tick) => `<line class="grid" x1="${n(x(tick))}" x2="${n(x(tick))}" y1="4" y2="${bottom}"/>`,
    ),
    `<line class="zero" x1="${n(x(0))}" x2="${n(x(0))}" y1="4" y2="${bottom}"/>`,
    ...rows.map((row, index) => drawForestRow(row, 10 + (index + 0.5) * rowHeight, { x, left })),
    ...xTicks.map((tick) => text(x(tick), bottom + 16, signed(tick, xTicks), 'middle')),
    text((left + WIDTH - MARGIN.right) / 2, bottom + 34, xLabel, 'middle'),
  ]);
}

function drawForestRow(
  { label: name, tone, value, low, high, significant }: ForestRow,
  y: number,
  { x, left }: { x: Scale; left: number },
): string {
  const whisker =
    low === null || high === null
      ? ''
      : `<line class="stroke tone${tone}" x1="${n(x(low))}" x2="${n(x(high))}" y1="${y}" y2="${y}"/>`;
  const kind = significant ? 'fill' : 'hollow';
  return (
    text(left - 8, y + 4, name, 'end') +
    `<g>${hover(`${name}: ${value.toFixed(3)}`)}${whisker}${marker(tone, x(value), y, kind)}</g>`
  );
}

function drawSeries(
  { name, tone, points }: Series,
  { x, y }: { x: Scale; y: Scale },
  markers: boolean,
): string {
  const path = points.map((point) => `${n(x(point.x))},${n(y(point.y))}`).join(' ');
  const line = `<polyline class="stroke tone${tone}" points="${path}"/>`;
  // A line through one point is invisible.
  if (!markers && points.length > 1) return `<g>${hover(name)}${line}</g>`;
  const marks = points.map((point) => {
    const { low, high } = point;
    const whisker =
      low == null || high == null
        ? ''
        : `<line class="whisker tone${tone}" x1="${n(x(point.x))}" x2="${n(x(point.x))}" y1="${n(y(low))}" y2="${n(y(high))}"/>`;
    const tip = hover(`${name}, ${point.x}: ${point.y.toFixed(3)}`);
    return `<g>${tip}${whisker}${marker(tone, x(point.x), y(point.y), 'fill')}</g>`;
  });
  return line + marks.join('');
}

/** Shapes differ with colours, for those who do not see colours. */
function marker(tone: number, x: number, y: number, kind: 'fill' | 'hollow'): string {
  const [cx, cy, r] = [n(x), n(y), 4];
  const style = `class="${kind} tone${tone}"`;
  if (tone === 0) return `<circle ${style} cx="${cx}" cy="${cy}" r="${r}"/>`;
  if (tone === 1)
    return `<rect ${style} x="${n(x - 3.6)}" y="${n(y - 3.6)}" width="7.2" height="7.2"/>`;
  const shape =
    tone === 2
      ? [
          [0, -5],
          [4.6, 3.6],
          [-4.6, 3.6],
        ]
      : [
          [0, -5.2],
          [5.2, 0],
          [0, 5.2],
          [-5.2, 0],
        ];
  return `<polygon ${style} points="${shape.map(([dx, dy]) => `${n(x + dx!)},${n(y + dy!)}`).join(' ')}"/>`;
}

interface Legend {
  readonly body: string;
  readonly height: number;
}

function legendOf(
  series: readonly Series[],
  references: readonly { name: string }[],
  markers: boolean,
): Legend {
  const entries = [
    ...series.map(({ name, tone }) => ({
      name,
      mark: `<line class="stroke tone${tone}" x1="0" x2="22" y1="-4" y2="-4"/>${markers ? marker(tone, 11, -4, 'fill') : ''}`,
    })),
    ...references.map(({ name }, index) => ({
      name,
      mark: `<line class="reference dash${index}" x1="0" x2="22" y1="-4" y2="-4"/>`,
    })),
  ];
  const columns = 3;
  const drawn = entries.map(({ name, mark }, index) => {
    const [x, y] = [(index % columns) * 122, Math.floor(index / columns) * 18 + 6];
    return `<g transform="translate(${x} ${y})">${mark}${text(28, 0, name, 'start')}</g>`;
  });
  return { body: drawn.join(''), height: Math.ceil(entries.length / columns) * 18 };
}

function referenceLine(plot: { left: number; right: number }, y: number, index: number): string {
  return `<line class="reference dash${index}" x1="${plot.left}" x2="${plot.right}" y1="${n(y)}" y2="${n(y)}"/>`;
}

function gridLine(from: number, to: number, y: number): string {
  return `<line class="grid" x1="${from}" x2="${to}" y1="${n(y)}" y2="${n(y)}"/>`;
}

function svg(title: string, height: number, parts: readonly string[]): string {
  return (
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeMarkup(title)}">` +
    `${parts.join('')}</svg>`
  );
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${n(x)}" y="${n(y)}" text-anchor="${anchor}">${escapeMarkup(content)}</text>`;
}

function hover(content: string): string {
  return `<title>${escapeMarkup(content)}</title>`;
}

type Scale = (value: number) => number;

function scale(
  [from, to]: readonly [number, number],
  [start, end]: readonly [number, number],
): Scale {
  const span = to - from || 1;
  return (value) => start + ((value - from) / span) * (end - start);
}

function extent(values: readonly number[]): readonly [number, number] {
  if (values.length === 0) return [0, 1];
  return [Math.min(...values), Math.max(...values)];
}

/** Round numbers around a range, about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function ticks([low, high]: readonly [number, number], count: number): number[] {
  const span = high - low || Math.abs(high) || 1;
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => span / size <= count)!;
  const first = Math.floor(low / step + 1e-9);
  const last = Math.max(first + 1, Math.ceil(high / step - 1e-9));
  return Array.from({ length: last - first + 1 }, (_, at) =>
    Number(((first + at) * step).toPrecision(12)),
  );
}

function label(tick: number, all: readonly number[]): string {
  const step = all.length > 1 ? Math.abs(all[1]! - all[0]!) : 1;
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return tick.toFixed(digits);
}

function signed(tick: number, all: readonly number[]): string {
  const plain = label(tick, all);
  return tick > 0 ? `+${plain}` : plain.replace('-', '−');
}

/** Coordinates with a tenth of a pixel. */
function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Text for element content and double-quoted attributes. */
export function escapeMarkup(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
