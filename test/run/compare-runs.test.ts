import { expect, it } from 'vitest';
import { compareRuns } from '../../src/pipe/run/compare-runs.ts';
import type { RunRecord, TaskRecord } from '../../src/pipe/store/run-records.ts';

function run(tasks: Readonly<Record<string, number>>): RunRecord {
  const records = Object.entries(tasks).map(
    ([task, loss]): TaskRecord => ({ task, outcome: 'ran', metrics: { loss } }),
  );
  return {
    runId: 'run',
    startedAt: '2026-01-01T00:00:00.000Z',
    targets: [],
    params: {},
    tasks: records,
    summary: { type: 'summary', ran: 1, hits: 0, failed: 0, skipped: 0, wallMs: 1 },
  };
}

it('compares the metrics of tasks that both runs have, and names the others once', () => {
  const { tasks, metrics } = compareRuns(
    run({ gone: 1, both: 2 }),
    run({ both: 2.5, fresh: 3 }),
    () => undefined,
  );
  expect(tasks.map(({ task, how }) => [task, how])).toEqual([
    ['fresh', 'only after'],
    ['gone', 'only before'],
  ]);
  expect(metrics).toEqual([{ task: 'both', name: 'loss', before: 2, after: 2.5, difference: 0.5 }]);
});
