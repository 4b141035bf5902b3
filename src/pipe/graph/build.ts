/**
 * Pipeline and stage code → the graph of tasks, or every problem that keeps it from being one. Reads
 * of the disk only whether source files are there. Knows no store.
 */
import { DirectedGraph } from 'graphology';
import type { Pipeline, StageSpec } from '../config/pipeline.ts';
import { interpolate, textOf, valueAt } from '../config/reference.ts';
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { TaskId } from '../event.ts';
import type { StageCode } from '../fingerprint/stage-code.ts';
import type { Json, JsonObject } from '../json.ts';
import type { OutputDeclaration } from '../stage.ts';
import { bindInputs } from './bind.ts';
import { type Cell, cellsOf, checkLabels, fillIn, taskId } from './cell.ts';
import { closureOf } from './closure.ts';
import { KeptParams } from './kept-params.ts';
import { findLeaks } from './leak.ts';
import { findCycles, topologicalOrder } from './order.ts';
import { checkOutputs } from './output-path.ts';
import { resolveParams } from './params.ts';
import { placeIn } from './place.ts';
import type { PlannedStage } from './planned-stage.ts';
import { splitReference, stageOfSource } from './reference.ts';
import type { Task, TaskGraph, TaskOutput } from './task.ts';

/** Throws a DiagnosticError that holds all problems of the plan. */
export function buildGraph(pipeline: Pipeline, code: ReadonlyMap<string, StageCode>): TaskGraph {
  const stages = new Map(pipeline.stages.map((spec) => [spec.name, planStage(spec, code)]));
  const diagnostics = pipeline.stages.flatMap(checkLabels);
  for (const { spec, outputs } of stages.values()) diagnostics.push(...checkOutputs(spec, outputs));
  const cycles = stageCycles(stages);
  diagnostics.push(...cycles);
  const kept = new KeptParams(pipeline, code);
  const tasks = [...stages.values()].flatMap((stage) => {
    const seen = new Set<string>();
    return stage.cells.map((cell) => {
      const planned = planTask({ root: pipeline.root, stage, cell, stages, kept });
      for (const problem of planned.diagnostics) {
        // Cells of one stage share their mistakes.
        const identity = JSON.stringify(problem);
        if (!seen.has(identity)) diagnostics.push(problem);
        seen.add(identity);
      }
      return planned.task;
    });
  });
  if (diagnostics.length > 0) throw new DiagnosticError(inFileOrder(diagnostics));
  kept.keep(tasks);
  const graph = assemble(pipeline, tasks);
  const leaks = findLeaks(graph, stages);
  if (leaks.length > 0) throw new DiagnosticError(leaks);
  return graph;
}

function planStage(spec: StageSpec, code: ReadonlyMap<string, StageCode>): PlannedStage {
  const known = spec.body.kind === 'module' ? code.get(spec.body.use) : undefined;
  if (spec.body.kind === 'module' && known === undefined) {
    throw new Error(`buildGraph: the code of ${spec.body.use} was not loaded`);
  }
  const declared: { readonly [name: string]: OutputDeclaration } =
    known?.declaration.outputs ??
    Object.fromEntries(Object.entries(spec.outputs).map(([name, path]) => [name, { path }]));
  return { spec, code: known, cells: cellsOf(spec), outputs: outputsOf(declared) };
}

function outputsOf(declared: { readonly [name: string]: OutputDeclaration }): TaskOutput[] {
  return Object.entries(declared).map(([name, { path, display }]) => ({
    name,
    path: path.replace(/\/$/, ''),
    folder: path.endsWith('/'),
    display: display ?? false,
  }));
}

// --- Circles ---

function stageCycles(stages: ReadonlyMap<string, PlannedStage>): Diagnostic[] {
  const graph = new DirectedGraph();
  for (const name of stages.keys()) graph.addNode(name);
  for (const { spec } of stages.values()) {
    for (const source of spec.inputs.flatMap(({ sources }) => sources)) {
      const upstream = stages.get(stageOfSource(source, stages) ?? '');
      const output = splitReference(source)?.[1];
      // An output that there is not is a mistake of its own, and often a file of the same name.
      if (upstream?.outputs.some(({ name }) => name === output) !== true) continue;
      graph.mergeDirectedEdge(upstream.spec.name, spec.name);
    }
  }
  return findCycles(graph).map((cycle) => cycleDiagnostic(cycle, stages));
}

function cycleDiagnostic(
  cycle: readonly string[],
  stages: ReadonlyMap<string, PlannedStage>,
): Diagnostic {
  const [from, to] = [cycle[0]!, cycle[1]!];
  const { spec } = stages.get(to)!;
  const input = spec.inputs.find(({ sources }) =>
    sources.some((source) => stageOfSource(source, stages) === from),
  )!;
  return {
    code: 'cycle',
    message:
      cycle.length === 2
        ? `The stage "${from}" reads its own output: ${cycle.join(' → ')}.`
        : `These stages wait for each other in a circle: ${cycle.join(' → ')}.`,
    ...placeIn(spec, `inputs.${input.name}`),
    hint: `Take input "${input.name}" of ${to} from somewhere else.`,
  };
}

// --- Tasks ---

interface PlanOptions {
  readonly root: string;
  readonly stage: PlannedStage;
  readonly cell: Cell;
  readonly stages: ReadonlyMap<string, PlannedStage>;
  readonly kept: KeptParams;
}

function planTask(options: PlanOptions): { task: Task; diagnostics: Diagnostic[] } {
  const { stage, cell } = options;
  const { spec, code, outputs } = stage;
  const { params, diagnostics } = paramsOf(options);
  const bound = bindInputs(options);
  const seeded = seedOf(spec, cell);
  const task: Task = {
    id: taskId(spec.name, cell.labels),
    stage: seeded.stage,
    cell: cell.values,
    labels: cell.labels,
    params,
    ...(code?.declaration.extendable ? { extendable: code.declaration.extendable } : {}),
    inputs: bound.inputs,
    outputs,
    ...(spec.body.kind === 'command'
      ? { code: { kind: 'command', command: commandOf(spec.body.cmd, cell) } }
      : { code: code!.code, bundle: code!.bundle }),
  };
  return { task, diagnostics: [...diagnostics, ...bound.diagnostics, ...seeded.diagnostics] };
}

/** The stage with its cell's own seed, where that comes from the matrix. */
function seedOf(spec: StageSpec, cell: Cell): { stage: StageSpec; diagnostics: Diagnostic[] } {
  if (spec.seedFrom === undefined) return { stage: spec, diagnostics: [] };
  const seed = fillIn(spec.seedFrom, cell);
  if (typeof seed === 'number' && Number.isInteger(seed) && seed >= 0) {
    return { stage: { ...spec, seed }, diagnostics: [] };
  }
  const message = `stages.${spec.name}.seed must be a whole number ≥ 0, not ${JSON.stringify(seed)}.`;
  return { stage: spec, diagnostics: [{ code: 'bad-value', message, ...placeIn(spec, 'seed') }] };
}

function paramsOf({ stage, cell, kept }: PlanOptions): {
  params: JsonObject;
  diagnostics: Diagnostic[];
} {
  const checked = kept.of(taskId(stage.spec.name, cell.labels));
  if (checked !== undefined) return { params: checked, diagnostics: [] };
  const given = fillIn(stage.spec.params, cell) as JsonObject;
  if (stage.code === undefined) return { params: given, diagnostics: [] };
  return resolveParams({
    schema: stage.code.declaration.params,
    given,
    subject: `stages.${stage.spec.name}.params`,
    placeOf: (path, part) =>
      placeIn(stage.spec, `${['params', ...path].join('.')}${part === 'key' ? ':key' : ''}`),
  });
}

/** The command with the cell's values as quoted words; the references to inputs, outputs and params stay. */
function commandOf(cmd: string, cell: Cell): string {
  if (!cmd.includes('matrix')) return cmd;
  return textOf(
    interpolate(` ${cmd}`, ([root, axis, ...field]) => {
      const found = root === 'matrix' ? valueAt(cell.values[axis!], field) : undefined;
      return found === undefined ? 'keep' : { value: words(found) };
    }),
  ).slice(1);
}

/** A list becomes several words. */
function words(value: Json): string {
  const list = Array.isArray(value) ? value : [value];
  return list.map((item: Json) => quoted(textOf(item))).join(' ');
}

function quoted(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

// --- The graph ---

function assemble(pipeline: Pipeline, tasks: readonly Task[]): TaskGraph {
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const edges = new DirectedGraph();
  for (const { id } of tasks) edges.addNode(id);
  for (const { id, inputs } of tasks) {
    for (const input of inputs) {
      if (input.kind !== 'upstream') continue;
      for (const { task } of input.from) edges.mergeDirectedEdge(task, id);
    }
  }
  const order = topologicalOrder(edges);
  const rank = new Map(order.map((id, index) => [id, index]));
  const sorted = (ids: TaskId[]) => ids.sort((a, b) => rank.get(a)! - rank.get(b)!);
  const graph: TaskGraph = {
    pipeline,
    tasks: new Map(order.map((id) => [id, byId.get(id)!])),
    upstream: (id) => sorted(edges.inNeighbors(id)),
    downstream: (id) => sorted(edges.outNeighbors(id)),
    closure: (targets, where = {}) => closureOf(graph, targets, where),
  };
  return graph;
}

function inFileOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const line = (item: Diagnostic) => item.range?.line ?? 0;
  return [...diagnostics].sort((a, b) => line(a) - line(b));
}
