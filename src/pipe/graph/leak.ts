/**
 * Data labels through the graph: an output carries what it declares, else all that its task read. A
 * label that arrives where it is refused is a plan error that names its whole way.
 */

import type { Diagnostic } from '../diagnostic.ts';
import { placeIn } from './place.ts';
import type { PlannedStage } from './planned-stage.ts';
import type { Task, TaskGraph } from './task.ts';

/** label → the outputs it passed, `STAGE.OUTPUT` from its origin on. */
type Carried = ReadonlyMap<string, readonly string[]>;

export function findLeaks(
  graph: TaskGraph,
  stages: ReadonlyMap<string, PlannedStage>,
): Diagnostic[] {
  // Labels begin where an output declares them.
  if (![...stages.values()].some(hasLabels)) return [];
  const carried = new Map<string, Carried>();
  const leaks = new Map<string, Diagnostic>();
  for (const task of graph.tasks.values()) {
    const declaration = stages.get(task.stage.name)!.code?.declaration;
    const read = new Map<string, readonly string[]>();
    for (const input of task.inputs) {
      const arriving = arrivals(input.kind === 'upstream' ? input.from : [], carried);
      for (const label of declaration?.inputs[input.name]?.refuse ?? []) {
        const way = arriving.get(label);
        // All cells of a stage are wired alike: one leak is told once.
        if (way)
          leaks.set(
            `${task.stage.name} ${input.name} ${label}`,
            leak(task, input.name, label, way),
          );
      }
      for (const [label, way] of arriving) if (!read.has(label)) read.set(label, way);
    }
    for (const { name } of task.outputs) {
      carried.set(
        `${task.id}\0${name}`,
        leaving(task, name, declaration?.outputs[name]?.labels, read),
      );
    }
  }
  return [...leaks.values()];
}

function hasLabels({ code }: PlannedStage): boolean {
  const outputs = Object.values(code?.declaration.outputs ?? {});
  return outputs.some(({ labels = [] }) => labels.length > 0);
}

function arrivals(
  from: readonly { readonly task: string; readonly output: string }[],
  carried: ReadonlyMap<string, Carried>,
): Carried {
  const result = new Map<string, readonly string[]>();
  for (const { task, output } of from) {
    for (const [label, way] of carried.get(`${task}\0${output}`) ?? []) {
      if (!result.has(label)) result.set(label, way);
    }
  }
  return result;
}

function leaving(
  task: Task,
  output: string,
  declared: readonly string[] | undefined,
  read: Carried,
): Carried {
  const here = `${task.stage.name}.${output}`;
  const labels = declared ?? [...read.keys()];
  return new Map(labels.map((label) => [label, [...(read.get(label) ?? []), here]]));
}

function leak(task: Task, input: string, label: string, way: readonly string[]): Diagnostic {
  const stage = task.stage.name;
  return {
    code: 'leak',
    message: `"${label}" data would reach input "${input}" of ${stage}, which refuses it: ${[...way, `${stage}.${input}`].join(' → ')}.`,
    ...placeIn(task.stage, `inputs.${input}`),
    hint: `Wire "${input}" to an output that carries no ${label} data.`,
  };
}
