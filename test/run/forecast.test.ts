import { expect, it } from 'vitest';
import { forecast, type PlannedTask } from '../../src/pipe/run/forecast.ts';

const wants = { cpu: 1, gpu: 0, memoryBytes: 0, pools: {} };
const capacity = { jobs: 2, cpu: 2, memoryBytes: 100, devices: ['0'], pools: { disk: 1 } };

function task(
  name: string,
  wallMs: number | undefined,
  more: Partial<PlannedTask> = {},
): PlannedTask {
  const cost = wallMs === undefined ? undefined : { wallMs, cpuMs: wallMs * 2, bytes: 10 };
  return { task: name, decision: 'run', cost, wants, upstream: [], ...more };
}

const elapsed = (...tasks: PlannedTask[]) => forecast(tasks, capacity).most.wallMs;

it('runs as many at a time as there are jobs, the critical path first', () => {
  expect(elapsed(task('a', 10), task('b', 10), task('c', 10))).toBe(20);
  // b leads to a long task: it starts before the others, though it is listed last.
  const long = task('d', 50, { upstream: ['b'] });
  expect(elapsed(task('a', 10), task('c', 10), task('b', 10), long)).toBe(60);
});

it('lets resources hold tasks apart', () => {
  const disk = { wants: { ...wants, pools: { disk: 1 } } };
  expect(elapsed(task('a', 10, disk), task('b', 10, disk))).toBe(20);
  const large = { wants: { ...wants, memoryBytes: 60 } };
  expect(elapsed(task('a', 10, large), task('b', 10, large))).toBe(20);
  // More than there is means all there is.
  expect(elapsed(task('a', 10, { wants: { ...wants, gpu: 4 } }))).toBe(10);
});

it('tells what surely runs from what may, and what nobody knows', () => {
  const tasks = [
    task('hit', 99, { decision: 'hit' }),
    task('a', 10, { upstream: ['hit'] }),
    task('b', 20, { decision: 'unknown', upstream: ['a'] }),
    task('new', undefined, { decision: 'unknown', upstream: ['b'] }),
  ];
  const { least, most } = forecast(tasks, capacity);
  expect(least).toEqual({ tasks: 1, wallMs: 10, cpuMs: 20, bytes: 10, withoutRecord: [] });
  expect(most).toEqual({ tasks: 3, wallMs: 30, cpuMs: 60, bytes: 20, withoutRecord: ['new'] });
});

it('forecasts ten thousand tasks', () => {
  const many = Array.from({ length: 10_000 }, (_, index) =>
    task(`t${index}`, 1, index < 100 ? {} : { upstream: [`t${index - 100}`, `t${index - 1}`] }),
  );
  expect(forecast(many, capacity).most.tasks).toBe(10_000);
});
