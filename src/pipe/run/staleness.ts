/**
 * Which tasks a change touches directly: their definition differs, or a file that changed is one of
 * their sources. What lies downstream is only *suspect*: outputs may come out equal. Pure but for
 * looking whether a pattern names a folder.
 */
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import { canonicalJson, type Json } from '../json.ts';
import { means } from './source-files.ts';

export interface StalenessOptions {
  readonly before: TaskGraph;
  readonly after: TaskGraph;
  /** Absolute paths. */
  readonly files: readonly string[];
  /** The tasks that are asked about. */
  readonly tasks: readonly TaskId[];
}

export function staleTasks({ before, after, files, tasks }: StalenessOptions): TaskId[] {
  const { root } = after.pipeline;
  return tasks.filter((id) => {
    const task = after.tasks.get(id);
    const old = before.tasks.get(id);
    if (task === undefined || old === undefined) return true;
    return definitionOf(task) !== definitionOf(old) || readsAny(task, root, files);
  });
}

/** Everything behind the tasks, without themselves. */
export function behind(graph: TaskGraph, tasks: readonly TaskId[]): Set<TaskId> {
  const found = new Set<TaskId>();
  const queue = tasks.filter((id) => graph.tasks.has(id));
  for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
    for (const next of graph.downstream(id)) {
      if (!found.has(next)) queue.push(next);
      found.add(next);
    }
  }
  return found;
}

function readsAny(task: Task, root: string, files: readonly string[]): boolean {
  const patterns = task.inputs.flatMap((input) => (input.kind === 'source' ? input.patterns : []));
  return patterns.some((pattern) => files.some((file) => means(root, pattern, file)));
}

/** All of a task that can change its key or how it runs, but for the content of its inputs. */
function definitionOf({ stage, params, inputs, outputs, code }: Task): string {
  const { seed, numerics, env } = stage;
  const definition = { seed, numerics, env, params, inputs, outputs, code };
  return canonicalJson(JSON.parse(JSON.stringify(definition)) as Json);
}
