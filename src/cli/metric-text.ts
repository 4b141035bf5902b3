/** A metric as a terminal shows it. */
import type { Json } from '../pipe/json.ts';
import { isEstimate } from '../pipe/metric.ts';
import { formatFigure } from './duration.ts';
import { valueText } from './reporter/wording.ts';

/** `0.62 [0.57, 0.67]` where there is an interval. */
export function metricText(value: Json | undefined): string {
  if (isEstimate(value)) {
    const { value: figure, low, high } = value;
    return `${formatFigure(figure)} [${formatFigure(low)}, ${formatFigure(high)}]`;
  }
  return typeof value === 'number' ? formatFigure(value) : valueText(value);
}
