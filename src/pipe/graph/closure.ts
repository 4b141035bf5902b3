/**
 * Targets as a user names them → tasks, and all that they need. Knows no cache.
 */
import { suggest } from '../config/nearest-name.ts';
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph } from './task.ts';

interface Closure {
  readonly targets: readonly TaskId[];
  readonly tasks: readonly TaskId[];
}

type Where = { readonly [axis: string]: string };

/** `where` selects among the targets' cells that have the axis. Throws a DiagnosticError on unknown names. */
export function closureOf(graph: TaskGraph, targets: readonly string[], where: Where): Closure {
  const all = [...graph.tasks.values()];
  const problems = [
    ...targets
      .filter((target) => !all.some((task) => isNamed(task, target)))
      .map((target) => unknownTarget(target, all)),
    ...Object.entries(where).flatMap(([axis, label]) => checkWhere(axis, label, all)),
  ];
  if (problems.length > 0) throw new DiagnosticError(problems);
  const chosen = all
    .filter((task) => targets.length === 0 || targets.some((target) => isNamed(task, target)))
    .filter((task) => isSelected(task, where))
    .map(({ id }) => id);
  if (chosen.length === 0) throw new DiagnosticError([nothingSelected(targets, where)]);
  const needed = new Set<TaskId>(chosen);
  // Walking down the order, an upstream task is always met after every task that needs it.
  for (const { id } of all.reverse()) {
    if (needed.has(id)) for (const upstream of graph.upstream(id)) needed.add(upstream);
  }
  return { targets: chosen, tasks: [...graph.tasks.keys()].filter((id) => needed.has(id)) };
}

function isNamed(task: Task, target: string): boolean {
  return task.id === target || task.stage.name === target;
}

function isSelected(task: Task, where: Where): boolean {
  return Object.entries(where).every(
    ([axis, label]) => task.labels[axis] === undefined || task.labels[axis] === label,
  );
}

function unknownTarget(target: string, all: readonly Task[]): Diagnostic {
  const names = target.includes('@')
    ? all.map(({ id }) => id)
    : [...new Set(all.map(({ stage }) => stage.name))];
  return {
    code: 'unknown-target',
    message: `There is no stage or task "${target}".`,
    hint: suggest(target, names, target.includes('@') ? 'tasks' : 'stages'),
  };
}

function checkWhere(axis: string, label: string, all: readonly Task[]): Diagnostic[] {
  const axes = new Set(all.flatMap(({ labels }) => Object.keys(labels)));
  if (!axes.has(axis)) {
    const message = `--where ${axis}=${label}: no matrix has an axis "${axis}".`;
    return [{ code: 'unknown-axis', message, hint: suggest(axis, axes, 'axes') }];
  }
  const labels = new Set(all.flatMap((task) => task.labels[axis] ?? []));
  if (labels.has(label)) return [];
  const message = `--where ${axis}=${label}: the axis "${axis}" has no "${label}".`;
  return [{ code: 'unknown-label', message, hint: suggest(label, labels, 'labels') }];
}

function nothingSelected(targets: readonly string[], where: Where): Diagnostic {
  const selection = Object.entries(where).map(([axis, label]) => `--where ${axis}=${label}`);
  return {
    code: 'nothing-selected',
    message: `${[...selection, ...targets].join(' ')} selects no task.`,
    hint: 'The target may be a cell that the selection leaves out.',
  };
}
