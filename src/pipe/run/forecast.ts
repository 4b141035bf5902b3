/**
 * What a build would cost, from what its tasks cost before: time on this many jobs, processor time,
 * bytes of outputs. Pure; records come from the caller. Where there is no record it says so, and the
 * totals are then lower bounds.
 */
import type { Resources } from '../config/pipeline.ts';
import type { TaskId } from '../event.ts';
import { criticalPath } from './critical-path.ts';
import type { Capacity } from './resources.ts';

export interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
  /** Of the outputs, all of them new at worst. */
  readonly bytes: number;
}

export interface PlannedTask {
  readonly task: TaskId;
  readonly decision: 'hit' | 'run' | 'unknown';
  /** Its own last cost, or the mean of other cells of its stage; undefined where neither ran. */
  readonly cost: Cost | undefined;
  readonly wants: Resources;
  readonly upstream: readonly TaskId[];
}

export interface Totals extends Cost {
  readonly tasks: number;
  /** Tasks whose cost nobody knows: they count nothing above. */
  readonly withoutRecord: readonly TaskId[];
}

export interface Forecast {
  /** If every task that is unknown yet turns out a hit. */
  readonly least: Totals;
  /** If all of them run. */
  readonly most: Totals;
}

/** `tasks` in a topological order. */
export function forecast(tasks: readonly PlannedTask[], capacity: Capacity): Forecast {
  return {
    least: totals(tasks, capacity, ({ decision }) => decision === 'run'),
    most: totals(tasks, capacity, ({ decision }) => decision !== 'hit'),
  };
}

function totals(
  all: readonly PlannedTask[],
  capacity: Capacity,
  runs: (task: PlannedTask) => boolean,
): Totals {
  const running = all.filter(runs);
  const sum = (part: (cost: Cost) => number) =>
    running.reduce((total, { cost }) => total + (cost === undefined ? 0 : part(cost)), 0);
  return {
    tasks: running.length,
    wallMs: elapsedMs(running, capacity),
    cpuMs: sum((cost) => cost.cpuMs),
    bytes: sum((cost) => cost.bytes),
    withoutRecord: running.filter(({ cost }) => cost === undefined).map(({ task }) => task),
  };
}

interface Running {
  readonly task: PlannedTask;
  readonly endMs: number;
}

/** Plays the schedule through: critical path first, as many at a time as fit. */
function elapsedMs(tasks: readonly PlannedTask[], capacity: Capacity): number {
  const { downstream, unsettled } = edgesOf(tasks);
  const ready = openQueue(priorities(tasks, downstream));
  for (const task of tasks) if (unsettled.get(task.task) === 0) ready.add(task);
  const running: Running[] = [];
  let nowMs = 0;
  for (;;) {
    for (const task of ready.takeWhatFits((each) => fits(each, running, capacity))) {
      running.push({ task, endMs: nowMs + (task.cost?.wallMs ?? 0) });
    }
    running.sort((left, right) => left.endMs - right.endMs);
    const next = running.shift();
    if (next === undefined) return nowMs;
    nowMs = next.endMs;
    for (const task of downstream.get(next.task.task) ?? []) {
      const left = (unsettled.get(task.task) ?? 0) - 1;
      unsettled.set(task.task, left);
      if (left === 0) ready.add(task);
    }
  }
}

/** Among the tasks that run; those that do not are settled from the start. */
function edgesOf(tasks: readonly PlannedTask[]) {
  const downstream = new Map<TaskId, PlannedTask[]>(tasks.map(({ task }) => [task, []]));
  const unsettled = new Map<TaskId, number>();
  for (const task of tasks) {
    const upstream = task.upstream.filter((each) => downstream.has(each));
    unsettled.set(task.task, upstream.length);
    for (const each of upstream) downstream.get(each)?.push(task);
  }
  return { downstream, unsettled };
}

function priorities(
  tasks: readonly PlannedTask[],
  downstream: ReadonlyMap<TaskId, readonly PlannedTask[]>,
): (task: PlannedTask) => number {
  const costs = new Map(tasks.map(({ task, cost }) => [task, cost?.wallMs ?? 0]));
  const lengths = criticalPath({
    tasks: [...costs.keys()],
    downstream: (task) => (downstream.get(task) ?? []).map((each) => each.task),
    costMs: (task) => costs.get(task),
  });
  return ({ task }) => lengths.get(task) ?? 0;
}

/** Tasks that could start, the longest way ahead first. */
function openQueue(priorityOf: (task: PlannedTask) => number) {
  const queue: PlannedTask[] = [];
  return {
    add(task: PlannedTask): void {
      const priority = priorityOf(task);
      let [low, high] = [0, queue.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (priorityOf(queue[middle] as PlannedTask) >= priority) low = middle + 1;
        else high = middle;
      }
      queue.splice(low, 0, task);
    },
    /** Asks again after each that the caller takes; ends where no job is free. */
    *takeWhatFits(room: (task: PlannedTask) => boolean | 'full'): Generator<PlannedTask> {
      for (let index = 0; index < queue.length; ) {
        const task = queue[index] as PlannedTask;
        const answer = room(task);
        if (answer === 'full') return;
        if (answer) yield queue.splice(index, 1)[0] as PlannedTask;
        else index += 1;
      }
    },
  };
}

/** A task that asks for more than there is gets all there is, as when it runs. */
function fits(
  { wants }: PlannedTask,
  running: readonly Running[],
  capacity: Capacity,
): boolean | 'full' {
  if (running.length >= capacity.jobs) return 'full';
  const taken = (part: (wants: Resources) => number) =>
    running.reduce((sum, each) => sum + part(each.task.wants), 0);
  const hasRoom = (part: (wants: Resources) => number, most: number) =>
    taken(part) === 0 || taken(part) + part(wants) <= most;
  return (
    hasRoom(({ cpu }) => cpu, capacity.cpu) &&
    hasRoom(({ memoryBytes }) => memoryBytes, capacity.memoryBytes) &&
    hasRoom(({ gpu }) => gpu, capacity.devices.length) &&
    Object.keys(wants.pools).every((pool) =>
      hasRoom(({ pools }) => pools[pool] ?? 0, capacity.pools[pool] ?? 1),
    )
  );
}
