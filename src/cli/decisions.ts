/** The engine's decisions, collected instead of printed. */
import type { Event, TaskId } from '../pipe/event.ts';
import type { TaskGraph } from '../pipe/graph/task.ts';
import { decide } from '../pipe/run/decide.ts';
import type { Store } from '../pipe/store/store.ts';
import type { Invocation } from './command.ts';
import { whereOf } from './common-options.ts';
import { findProject, loadGraph, storeOf } from './project.ts';

export type Decision = Event & { readonly type: 'taskDecided' };

export interface DecisionRequest {
  readonly graph: TaskGraph;
  readonly store: Store;
  readonly targets: readonly string[];
  readonly where?: { readonly [axis: string]: string };
}

/** What the command line asks about: the plan, the targets and the cells it names. */
export async function decisionRequest(invocation: Invocation): Promise<DecisionRequest> {
  const project = findProject(process.cwd(), invocation.text('file'));
  return {
    graph: await loadGraph(project, invocation.texts('set')),
    store: storeOf(project),
    targets: invocation.positionals,
    where: whereOf(invocation),
  };
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
