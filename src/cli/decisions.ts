/** The engine's decisions, collected instead of printed. */
import type { Event, TaskId } from '../pipe/event.ts';
import type { TaskGraph } from '../pipe/graph/task.ts';
import { decide } from '../pipe/run/decide.ts';
import type { Store } from '../pipe/store/store.ts';

export type Decision = Event & { readonly type: 'taskDecided' };

export interface DecisionRequest {
  readonly graph: TaskGraph;
  readonly store: Store;
  readonly targets: readonly string[];
  readonly where?: { readonly [axis: string]: string };
}

/** Decisions in topological order, and what the store warned of on the way. */
export async function collectDecisions(
  request: DecisionRequest,
): Promise<{ decisions: ReadonlyMap<TaskId, Decision>; warnings: readonly string[] }> {
  const decisions = new Map<TaskId, Decision>();
  const warnings: string[] = [];
  await decide(request, (event) => {
    if (event.type === 'taskDecided') decisions.set(event.task, event);
    if (event.type === 'warning') warnings.push(event.message);
  });
  return { decisions, warnings };
}
