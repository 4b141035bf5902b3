import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Key } from '../../src/pipe/digest.ts';
import {
  openRunRecords,
  type RunRecord,
  type TaskRecord,
} from '../../src/pipe/store/run-records.ts';
import { temporaryFolder } from './temporary.ts';

const TASKS = Array.from({ length: 40 }, (_, index) => `t${index}`);

const task = (id: string, key: string, outcome: TaskRecord['outcome'] = 'ran'): TaskRecord => ({
  task: id,
  outcome,
  key: key as Key,
  wallMs: 1,
});

function record(runId: string, tasks: readonly TaskRecord[], rest?: RunRecord['rest']): RunRecord {
  return {
    runId,
    startedAt: '2026-01-01T00:00:00.000Z',
    targets: [],
    params: {},
    tasks,
    ...(rest === undefined ? {} : { rest }),
    summary: { type: 'summary', ran: 1, hits: 0, failed: 0, skipped: 0, wallMs: 1 },
  };
}

it('gives a run all its tasks, though most were left to the run before it', () => {
  const folder = temporaryFolder();
  const runs = openRunRecords(folder);
  runs.put(
    record(
      'run0',
      TASKS.map((id) => task(id, 'first')),
    ),
  );
  const keys = new Map(TASKS.map((id) => [id, 'first']));
  // The same task again and again, then others, until leaving the rest to another does not pay.
  const edits = ['t1', 't1', 't2', ...TASKS.slice(3, 30)];
  for (const [index, id] of edits.entries()) {
    const runId = `run${index + 1}`;
    keys.set(id, runId);
    runs.put(record(runId, [task(id, runId)], { of: `run${index}`, tasks: TASKS.length - 1 }));
    const all = runs.get(runId)?.tasks ?? [];
    expect(new Map(all.map(({ task, key }) => [task, key]))).toEqual(keys);
    expect(all).toHaveLength(TASKS.length);
    expect(all.filter(({ outcome }) => outcome === 'ran').map((each) => each.task)).toEqual([id]);
    expect(runs.get(runId)?.rest).toBeUndefined();
  }
  const size = (runId: string) => statSync(join(folder, `${runId}.json`)).size;
  expect(size('run2')).toBeLessThan(size('run0') / 4);
});

it('gives what it has where the other record is gone', () => {
  const folder = temporaryFolder();
  const runs = openRunRecords(folder);
  runs.put(record('run0', [task('a', 'x'), task('b', 'y')]));
  runs.put(record('run1', [task('a', 'z')], { of: 'run0', tasks: 1 }));
  rmSync(join(folder, 'run0.json'));
  expect(runs.get('run1')?.tasks).toEqual([task('a', 'z')]);
});
