/** `pipe runs`: what was run, when, how it went, and which params differed from the run before. */
import { differingValues, type ValueDifference } from '../pipe/run/compare-runs.ts';
import type { RunRecord } from '../pipe/store/run-records.ts';
import type { Command } from './command.ts';
import { countOf, fileOption, jsonOption } from './common-options.ts';
import { formatDuration } from './duration.ts';
import { findProject, storeOf } from './project.ts';
import { valueText } from './reporter/wording.ts';
import { formatTable } from './table.ts';

const USUAL_LIMIT = 20;

export const runsCommand: Command = {
  name: 'runs',
  usage: 'runs',
  summary: 'past runs: when, what, how it went, which params changed',
  options: [
    fileOption,
    {
      name: 'limit',
      short: 'n',
      type: 'string',
      placeholder: 'N',
      summary: `the newest N (default: ${USUAL_LIMIT})`,
    },
    jsonOption,
  ],
  run: async (invocation) => {
    const limit = countOf(invocation, 'limit') ?? USUAL_LIMIT;
    const { runs } = storeOf(findProject(process.cwd(), invocation.text('file')));
    // One more, to compare the oldest shown with.
    const records = runs
      .list()
      .slice(0, limit + 1)
      .flatMap((id) => runs.get(id) ?? []);
    const shown = records.slice(0, limit).map((record, index) => ({
      record,
      changes: changedParams(records[index + 1], record),
    }));
    if (invocation.flag('json')) {
      for (const each of shown) process.stdout.write(`${JSON.stringify(runJson(each))}\n`);
    } else process.stdout.write(`${runsTable(shown)}\n`);
    return 0;
  },
};

interface ShownRun {
  readonly record: RunRecord;
  readonly changes: readonly ValueDifference[];
}

/** Shared params, then stages' own where a shared one does not tell of the same change. */
function changedParams(before: RunRecord | undefined, after: RunRecord): ValueDifference[] {
  if (before === undefined) return [];
  const shared = differingValues(before.params, after.params);
  const told = new Set(shared.map(identity));
  const was = new Map(before.tasks.map((task) => [task.task, task.params]));
  const own = after.tasks.flatMap(({ task, params }) => {
    const earlier = was.get(task);
    if (params === undefined || earlier === undefined) return [];
    const stage = task.replace(/@.*/, '');
    return differingValues(earlier, params).map((each) => ({
      ...each,
      name: `${stage}.${each.name}`,
    }));
  });
  const fresh = own.filter((each) => !told.has(identity(each)));
  const byText = new Map(fresh.map((each) => [`${each.name} ${identity(each)}`, each]));
  return [...shared, ...byText.values()];
}

function identity({ before, after }: ValueDifference): string {
  return JSON.stringify([before ?? null, after ?? null]);
}

function runJson({ record, changes }: ShownRun) {
  const { runId, startedAt, targets, params, summary } = record;
  return { runId, startedAt, targets, params, changedParams: changes, summary };
}

function runsTable(shown: readonly ShownRun[]): string {
  if (shown.length === 0) return 'no run is recorded here yet';
  const rows = shown.map(({ record, changes }) => {
    const { runId, startedAt, targets, summary } = record;
    const { ran, hits, failed, skipped, wallMs } = summary;
    return [
      runId,
      `${startedAt.slice(0, 10)} ${startedAt.slice(11, 19)}`,
      targets.length === 0 ? 'all' : targets.join(' '),
      String(ran),
      String(hits),
      String(failed),
      String(skipped),
      formatDuration(wallMs),
      changes.map(changeText).join(', '),
    ];
  });
  const heads = [
    'run',
    'UTC',
    'targets',
    'ran',
    'hits',
    'failed',
    'skipped',
    'time',
    'changed params',
  ];
  return formatTable([heads, ...rows]);
}

function changeText({ name, before, after }: ValueDifference): string {
  return `${name} ${valueText(before)} → ${valueText(after)}`;
}
