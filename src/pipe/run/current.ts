/**
 * The traces of what the plan's tasks are now, for looking at: a task has one where its present code,
 * params and inputs were built before. Knows no process and starts nothing.
 */
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../store/trace.ts';
import { lookup } from './lookup.ts';
import { MissingInputError, prepare } from './prepare.ts';

export interface CurrentOptions {
  readonly graph: TaskGraph;
  readonly store: Store;
  readonly targets: readonly string[];
  readonly where?: { readonly [axis: string]: string };
}

export interface Current {
  /** What was asked for. */
  readonly targets: readonly TaskId[];
  /** Of the targets and all that they are made from, upstream first. */
  readonly traces: ReadonlyMap<TaskId, Trace>;
  /** Tasks that are not built as they are now. */
  readonly missing: readonly TaskId[];
}

export async function currentTraces(options: CurrentOptions): Promise<Current> {
  const { graph, store } = options;
  const { targets, tasks } = graph.closure(options.targets, options.where);
  const traces = new Map<TaskId, Trace>();
  const missing: TaskId[] = [];
  for (const id of tasks) {
    const isReady = graph.upstream(id).every((each) => traces.has(each));
    const task = graph.tasks.get(id) as Task;
    const trace = isReady ? await traceOf(task, { graph, store, traces }) : undefined;
    if (trace === undefined) missing.push(id);
    else traces.set(id, trace);
  }
  return { targets, traces, missing };
}

interface Known {
  readonly graph: TaskGraph;
  readonly store: Store;
  readonly traces: ReadonlyMap<TaskId, Trace>;
}

async function traceOf(task: Task, { graph, store, traces }: Known): Promise<Trace | undefined> {
  const settled = (id: TaskId) => traces.get(id) as Trace;
  try {
    const { key } = await prepare(task, { graph, store, settled });
    const found = await lookup(store, key);
    return found.state === 'hit' ? found.trace : undefined;
  } catch (error) {
    if (error instanceof MissingInputError) return undefined;
    throw error;
  }
}
