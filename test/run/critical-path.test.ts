import { expect, it } from 'vitest';
import { criticalPath } from '../../src/pipe/run/critical-path.ts';

it('counts a task and the longest way behind it', () => {
  const behind: Readonly<Record<string, string[]>> = { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] };
  const costs: Readonly<Record<string, number>> = { a: 1, b: 10, c: 100 };
  const lengths = criticalPath({
    tasks: ['a', 'b', 'c', 'd'],
    downstream: (task) => behind[task] ?? [],
    costMs: (task) => costs[task],
  });
  expect([...lengths]).toEqual([
    ['d', 37], // never ran: the mean of the others
    ['c', 137],
    ['b', 47],
    ['a', 138],
  ]);
});
