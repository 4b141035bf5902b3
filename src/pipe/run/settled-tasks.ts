/**
 * The tasks of a settled run with what they made: enough to build on when a source changed, without
 * the plan being read again. Knows no stat and no YAML.
 *
 * Lies beside the settled file, which names it by its digest: `settled-….json`.
 */
import { readFileSync } from 'node:fs';
import type { Pipeline, StageSpec } from '../config/pipeline.ts';
import { digestOf } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import { writeAtomic } from '../store/atomic-file.ts';
import { isAbsence } from '../store/checked-file.ts';
import type { Trace } from '../store/trace.ts';

/** What a hit needs of a trace. */
export type Product = Pick<Trace, 'key' | 'outputs' | 'notes' | 'metrics' | 'cost'>;

/** Numbers of entries in the settled file. */
interface Places {
  /** What the task's sources were found by. */
  readonly sources: readonly number[];
  /** Its views in artifacts/. */
  readonly views: readonly number[];
}

export interface SettledTask extends Places {
  readonly task: Task;
  readonly product: Product;
}

interface KeptTask extends Places {
  readonly task: Omit<Task, 'stage'>;
  readonly stage: number;
  /** The cell's own, where the matrix gives it one. */
  readonly seed: number;
  readonly product: Product;
}

interface Kept {
  readonly pipeline: Omit<Pipeline, 'stages'>;
  readonly stages: readonly StageSpec[];
  readonly targets: readonly TaskId[];
  readonly tasks: readonly KeptTask[];
}

export interface SettledPlan {
  readonly pipeline: Pipeline;
  readonly targets: readonly TaskId[];
  /** In a topological order. */
  readonly tasks: readonly SettledTask[];
}

/** Returns the digest of what was written. */
export function writeTasks(path: string, { pipeline, targets, tasks }: SettledPlan): string {
  const { stages, ...rest } = pipeline;
  const numbers = new Map(stages.map(({ name }, index) => [name, index]));
  const kept: Kept = {
    pipeline: rest,
    // Places are for complaints about the plan, and there is nothing to complain of.
    stages: stages.map(({ places: _, ...stage }) => stage),
    targets,
    tasks: tasks.map(({ task: { stage, ...task }, product, sources, views }) => {
      const { key, outputs, notes, metrics, cost } = product;
      return {
        task,
        stage: numbers.get(stage.name) as number,
        seed: stage.seed,
        product: { key, outputs, notes, cost, ...(metrics === undefined ? {} : { metrics }) },
        sources,
        views,
      };
    }),
  };
  const text = JSON.stringify(kept);
  writeAtomic(path, text);
  return digestOf(text);
}

/** Undefined where the file is absent, or is not the one with this digest. */
export function readTasks(path: string, digest: string): SettledPlan | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  if (digestOf(text) !== digest) return undefined;
  const { pipeline, stages, targets, tasks } = JSON.parse(text) as Kept;
  return {
    pipeline: { ...pipeline, stages },
    targets,
    tasks: tasks.map(({ task, stage, seed, ...rest }) => {
      const spec = stages[stage] as StageSpec;
      const own = spec.seed === seed ? spec : { ...spec, seed };
      return { ...rest, task: { ...task, stage: own } };
    }),
  };
}

/** The graph that the plan would give again; it answers only the question that it was asked before. */
export function graphOf({ pipeline, targets, tasks }: SettledPlan): TaskGraph {
  const byId = new Map(tasks.map(({ task }) => [task.id, task]));
  const ids = [...byId.keys()];
  const rank = new Map(ids.map((id, index) => [id, index]));
  const inOrder = (some: Iterable<TaskId>) =>
    [...new Set(some)].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0));
  const upstream = (id: TaskId) =>
    inOrder(
      (byId.get(id)?.inputs ?? []).flatMap((input) =>
        input.kind === 'upstream' ? input.from.map(({ task }) => task) : [],
      ),
    );
  let behind: Map<TaskId, TaskId[]> | undefined;
  const downstream = (id: TaskId) => {
    behind ??= invert(ids, upstream);
    return behind.get(id) ?? [];
  };
  return { pipeline, tasks: byId, upstream, downstream, closure: () => ({ targets, tasks: ids }) };
}

function invert(ids: readonly TaskId[], upstream: (id: TaskId) => readonly TaskId[]) {
  const behind = new Map<TaskId, TaskId[]>(ids.map((id) => [id, []]));
  for (const id of ids) for (const each of upstream(id)) behind.get(each)?.push(id);
  return behind;
}
