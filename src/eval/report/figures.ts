/**
 * The report's plots: accuracy by shots, differences to `pretrained`, training curves. Knows results
 * and the plot module, no page.
 */
import { PRETRAINED } from '../examine.ts';
import type { ResultRow } from '../result.ts';
import type { Figure } from './document.ts';
import { forestPlot, lineChart } from './figure.ts';
import type { ModelResults, TrainingCurve } from './report.ts';

type Named = Pick<ResultRow, 'candidate' | 'shots' | 'scoring'>;

/** Candidates keep their colour in every plot. */
const TONES = [PRETRAINED, 'doc', 'temp', 'doctemp'];

function toneOf(candidate: string): number {
  const at = TONES.indexOf(candidate);
  return at < 0 ? TONES.length : at;
}

export function accuracyFigure(results: ModelResults, scoring: string): Figure {
  const rows = results.rows.filter((row) => row.scoring === scoring);
  const series = candidatesOf(rows).map((candidate) => ({
    name: candidate,
    tone: toneOf(candidate),
    points: rows
      .filter((row) => row.candidate === candidate)
      .map((row) => {
        const interval = results.intervals.find((item) => isSame(item, row));
        return {
          x: row.shots,
          y: row.accuracy,
          low: interval?.low ?? null,
          high: interval?.high ?? null,
        };
      }),
  }));
  const title = `${results.model}: accuracy by number of shots`;
  const svg = lineChart({
    title,
    xLabel: 'shots',
    yLabel: 'accuracy',
    series,
    xTicks: [...new Set(rows.map(({ shots }) => shots))].sort((a, b) => a - b),
    references: results.baselines.map(({ name, accuracy }) => ({ name, y: accuracy })),
    markers: true,
  });
  const caption = `${title} (${scoring}), with 95\u00a0% intervals from resampling pages.`;
  return { kind: 'figure', svg, caption };
}

/** Undefined without memories to compare. */
export function differenceFigure(results: ModelResults, scoring: string): Figure | undefined {
  const rows = results.comparisons.filter((item) => item.scoring === scoring);
  if (rows.length === 0) return undefined;
  const title = `${results.model}: accuracy minus pretrained’s`;
  const svg = forestPlot(
    title,
    rows.map(({ candidate, shots, difference, low, high, pHolm }) => ({
      label: `${candidate}, ${shots}`,
      tone: toneOf(candidate),
      value: difference,
      low,
      high,
      significant: pHolm < 0.05,
    })),
    'accuracy minus pretrained’s, by number of shots',
  );
  const caption = `${title} (${scoring}), with 95\u00a0% intervals; filled where McNemar’s test, Holm-corrected, gives p < .05.`;
  return { kind: 'figure', svg, caption };
}

/** Undefined when nothing was trained. */
export function trainingFigure(
  model: string,
  curves: readonly TrainingCurve[],
): Figure | undefined {
  const own = curves.filter((curve) => curve.model === model && curve.losses.length > 0);
  if (own.length === 0) return undefined;
  const title = `${model}: training loss by epoch`;
  const svg = lineChart({
    title,
    xLabel: 'epoch',
    yLabel: 'mean loss (nats a token)',
    series: own.map(({ candidate, losses }) => ({
      name: candidate,
      tone: toneOf(candidate),
      points: losses.map(({ epoch, loss }) => ({ x: epoch, y: loss })),
    })),
    markers: false,
  });
  return {
    kind: 'figure',
    svg,
    caption: `${title}. Texts differ between candidates, and so do their losses.`,
  };
}

function candidatesOf(rows: readonly Named[]): string[] {
  return [...new Set(rows.map(({ candidate }) => candidate))];
}

function isSame(a: Named, b: Named): boolean {
  return a.candidate === b.candidate && a.shots === b.shots && a.scoring === b.scoring;
}
