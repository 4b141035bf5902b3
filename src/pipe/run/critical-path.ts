/**
 * How long it takes from the start of a task to the end of everything behind it: what is longest
 * starts first. Pure; costs come from the caller.
 */
import type { TaskId } from '../event.ts';

export interface CriticalPathOptions {
  /** In a topological order. */
  readonly tasks: readonly TaskId[];
  readonly downstream: (task: TaskId) => readonly TaskId[];
  /** Undefined for a task that never ran; it is taken to cost what the others do on average. */
  readonly costMs: (task: TaskId) => number | undefined;
}

export function criticalPath(options: CriticalPathOptions): ReadonlyMap<TaskId, number> {
  const known = new Map(options.tasks.map((task) => [task, options.costMs(task)]));
  const fallback = mean([...known.values()].filter((cost) => cost !== undefined));
  const lengths = new Map<TaskId, number>();
  for (const task of [...options.tasks].reverse()) {
    const behind = options.downstream(task).map((next) => lengths.get(next) ?? 0);
    lengths.set(task, (known.get(task) ?? fallback) + Math.max(0, ...behind));
  }
  return lengths;
}

function mean(values: readonly number[]): number {
  if (values.length === 0) return 1000;
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
