/**
 * What a plan would use now: the keys of all tasks that are hits, and the tasks that can't be told
 * before others have run. Checks no blob and says nothing.
 */
import type { Key } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../store/trace.ts';
import { MissingInputError, type Prepared, prepare } from './prepare.ts';

export async function currentKeys(
  graph: TaskGraph,
  store: Store,
): Promise<{ hits: Set<Key>; unsettled: Set<TaskId> }> {
  const traces = new Map<TaskId, Trace>();
  const unsettled = new Set<TaskId>();
  for (const id of graph.closure([]).tasks) {
    const task = graph.tasks.get(id) as Task;
    const isReady = graph.upstream(id).every((each) => traces.has(each));
    const prepared = isReady ? await preparedIfThere(task, graph, store, traces) : undefined;
    const trace = prepared === undefined ? undefined : store.traces.get(prepared.key);
    if (trace === undefined) unsettled.add(id);
    else traces.set(id, trace);
  }
  return { hits: new Set([...traces.values()].map(({ key }) => key)), unsettled };
}

async function preparedIfThere(
  task: Task,
  graph: TaskGraph,
  store: Store,
  traces: ReadonlyMap<TaskId, Trace>,
): Promise<Prepared | undefined> {
  try {
    return await prepare(task, { graph, store, settled: (id) => traces.get(id) as Trace });
  } catch (error) {
    if (error instanceof MissingInputError) return undefined;
    throw error;
  }
}
