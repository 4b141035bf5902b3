/** `pipe diff RUN RUN`: params, products with what explains them, and metrics of two runs. */
import type { Change } from '../pipe/fingerprint/change.ts';
import { describeChange } from '../pipe/fingerprint/explain.ts';
import { compareRuns, type RunDifference, type TaskDifference } from '../pipe/run/compare-runs.ts';
import { withParts } from '../pipe/run/detail.ts';
import type { RunRecord } from '../pipe/store/run-records.ts';
import { type Command, UsageError } from './command.ts';
import { fileOption, jsonOption } from './common-options.ts';
import { formatFigure } from './duration.ts';
import { metricText } from './metric-text.ts';
import { findProject, storeOf } from './project.ts';
import { valueText } from './reporter/wording.ts';
import { findRun } from './run-reference.ts';
import { formatTable } from './table.ts';

export const diffCommand: Command = {
  name: 'diff',
  usage: 'diff RUN RUN',
  summary: 'params, tasks and metrics that differ between two runs (last, last~1, or an id)',
  options: [fileOption, jsonOption],
  run: async (invocation) => {
    const [first, second, ...others] = invocation.positionals;
    if (first === undefined || second === undefined || others.length > 0) {
      throw new UsageError('diff needs two runs', 'for example pipe diff last~1 last');
    }
    const project = findProject(process.cwd(), invocation.text('file'));
    const store = storeOf(project);
    const [before, after] = [findRun(store, first), findRun(store, second)];
    const compared = compareRuns(before, after, ({ key }) =>
      key === undefined ? undefined : store.traces.get(key),
    );
    const detail = (change: Change) =>
      change.kind === 'code' ? withParts(change, store, project.root) : change;
    const tasks = compared.tasks.map((each) => ({ ...each, changes: each.changes?.map(detail) }));
    const difference = { ...compared, tasks };
    const runs = { before: before.runId, after: after.runId };
    const text = invocation.flag('json')
      ? JSON.stringify({ ...runs, ...difference })
      : diffText(before, after, difference);
    process.stdout.write(`${text}\n`);
    return 0;
  },
};

function diffText(before: RunRecord, after: RunRecord, difference: RunDifference): string {
  const { params, tasks, metrics } = difference;
  const sections = [
    `${before.runId} → ${after.runId}`,
    params.length === 0
      ? 'no shared param differs'
      : formatTable([
          ['param', 'before', 'after'],
          ...params.map((each) => [each.name, valueText(each.before), valueText(each.after)]),
        ]),
    tasks.length === 0 ? 'no task differs' : tasks.map(taskText).join('\n'),
  ];
  if (metrics.length > 0) sections.push(metricsTable(difference));
  return sections.join('\n\n');
}

function taskText({ task, how, outcomes, outputs, changes }: TaskDifference): string {
  if (how === 'outcome differs') return `${task}: ${outcomes[0]}, then ${outcomes[1]}`;
  if (how === 'only before' || how === 'only after') return `${task}: ${how}`;
  const what =
    how === 'key differs'
      ? 'built from something else, outputs equal'
      : `outputs differ: ${outputs.join(', ')}`;
  const lines =
    changes === undefined ? ['the trace of one is no longer kept'] : changes.map(describeChange);
  return [`${task}: ${what}`, ...lines.map((line) => `  ${line}`)].join('\n');
}

function metricsTable({ metrics }: RunDifference): string {
  const rows = metrics.map(({ task, name, before, after, difference }) => [
    task,
    name,
    metricText(before),
    metricText(after),
    difference === undefined ? '' : signed(difference),
  ]);
  return formatTable([['task', 'metric', 'before', 'after', 'difference'], ...rows]);
}

function signed(difference: number): string {
  if (difference === 0) return '0';
  const text = formatFigure(difference);
  return difference > 0 ? `+${text}` : text;
}
