import { describe, expect, it } from 'vitest';
import type { TaskGraph } from '../../src/pipe/graph/task.ts';
import { printedProblems } from '../config/project-folder.ts';
import { plan } from './plan.ts';

const graph = (): Promise<TaskGraph> =>
  plan(`
    version: 1
    stages:
      other: { cmd: "true" }
      report: { cmd: "true", inputs: { t: eval.t } }
      eval: { cmd: "true", matrix: { model: [a, b] }, inputs: { m: train.m }, outputs: { t: t } }
      train: { cmd: "true", matrix: { model: [a, b], seed: [1, 2] }, outputs: { m: m } }
  `);

describe('closure', () => {
  it('takes every task without targets', async () => {
    const { closure, tasks } = await graph();
    expect(closure([]).tasks).toEqual([...tasks.keys()]);
    expect(closure([]).targets).toEqual([...tasks.keys()]);
  });

  it('takes a stage or a task with what it needs, and nothing else', async () => {
    const { closure } = await graph();
    expect(closure(['eval@b'])).toEqual({
      targets: ['eval@b'],
      tasks: ['train@b,1', 'train@b,2', 'eval@b'],
    });
    expect(closure(['other', 'train']).tasks).toEqual([
      'other',
      'train@a,1',
      'train@a,2',
      'train@b,1',
      'train@b,2',
    ]);
  });

  it('filters the targets that have the axis, but never what they need', async () => {
    const { closure } = await graph();
    expect(closure(['eval', 'report'], { model: 'a' }).targets).toEqual(['eval@a', 'report']);
    expect(closure(['eval'], { seed: '1' }).targets).toEqual(['eval@a', 'eval@b']);
    expect(closure(['eval'], { model: 'a', seed: '1' }).tasks).toEqual([
      'train@a,1',
      'train@a,2',
      'eval@a',
    ]);
  });

  it('names what it does not know', async () => {
    const { closure } = await graph();
    const printed = await printedProblems('', () =>
      closure(['evla', 'train@a,3', 'eval'], { modle: 'a', seed: '3' }),
    );
    expect(printed.split('\n\n')).toEqual([
      'error: There is no stage or task "evla". [unknown-target]\n  hint: Did you mean "eval"?',
      'error: There is no stage or task "train@a,3". [unknown-target]\n  hint: Did you mean "train@a,1"?',
      'error: --where modle=a: no matrix has an axis "modle". [unknown-axis]\n  hint: Did you mean "model"?',
      'error: --where seed=3: the axis "seed" has no "3". [unknown-label]\n  hint: Did you mean "1"?',
    ]);
    expect(await printedProblems('', () => closure(['eval@a'], { model: 'b' }))).toBe(
      'error: --where model=b eval@a selects no task. [nothing-selected]\n  hint: The target may be a cell that the selection leaves out.',
    );
  });
});
