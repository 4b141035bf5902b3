/**
 * `pipe metrics`: what the tasks that are built now reported, with intervals. Knows no metric: stages
 * choose the names.
 */
import { flatMetrics, isEstimate } from '../pipe/metric.ts';
import { type Current, currentTraces } from '../pipe/run/current.ts';
import type { Command } from './command.ts';
import { jsonOption, planOptions } from './common-options.ts';
import { decisionRequest } from './decisions.ts';
import { metricText } from './metric-text.ts';
import { formatTable } from './table.ts';

export const metricsCommand: Command = {
  name: 'metrics',
  usage: 'metrics [TARGET…]',
  summary: 'what the present artifacts were measured at, with intervals',
  options: [...planOptions, jsonOption],
  run: async (invocation) => {
    const current = await currentTraces(await decisionRequest(invocation));
    const text = invocation.flag('json') ? metricsJson(current) : metricsTable(current);
    if (text !== '') process.stdout.write(`${text}\n`);
    sayMissing(current);
    return 0;
  },
};

function metricsTable(current: Current): string {
  const rows = measured(current).map(({ task, metric, value }) => [
    task,
    metric,
    metricText(value),
  ]);
  if (rows.length === 0) return '';
  return formatTable([['task', 'metric', 'value [95 % interval]'], ...rows]);
}

/** One line a metric. */
function metricsJson(current: Current): string {
  const lines = measured(current).map(({ task, metric, value }) =>
    JSON.stringify(isEstimate(value) ? { task, metric, ...value } : { task, metric, value }),
  );
  return lines.join('\n');
}

function measured({ targets, traces }: Current) {
  return targets.flatMap((task) => {
    const metrics = flatMetrics(traces.get(task)?.metrics ?? {});
    return [...metrics].map(([metric, value]) => ({ task, metric, value }));
  });
}

/** Silence would look like a task without metrics. */
export function sayMissing({ targets, missing }: Current): void {
  const own = targets.filter((task) => missing.includes(task));
  if (own.length === 0) return;
  process.stderr.write(
    `not built as they are now: ${own.join(', ')}\n  hint: pipe run builds them, pipe why tells what changed\n`,
  );
}
