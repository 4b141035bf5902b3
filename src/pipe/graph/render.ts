/**
 * A task graph as text, Mermaid, Graphviz dot or JSON. Knows no cache: it shows what is planned, not
 * what is built.
 */
import type { TaskId } from '../event.ts';
import type { Task, TaskGraph, TaskInput } from './task.ts';

type GraphFormat = 'text' | 'mermaid' | 'dot' | 'json';

/** Of these tasks (a closure, in a topological order), or of all. Ends with a newline. */
export function renderGraph(
  graph: TaskGraph,
  format: GraphFormat,
  ids: readonly TaskId[] = [...graph.tasks.keys()],
): string {
  const tasks = ids.flatMap((id) => graph.tasks.get(id) ?? []);
  switch (format) {
    case 'text':
      return asText(tasks);
    case 'mermaid':
      return asMermaid(tasks);
    case 'dot':
      return asDot(tasks);
    case 'json':
      return asJson(graph, tasks);
  }
}

function sourcesOf(input: TaskInput): string {
  return input.kind === 'source'
    ? input.patterns.join(', ')
    : input.from.map(({ task, output }) => `${task}.${output}`).join(', ');
}

function asText(tasks: readonly Task[]): string {
  const blocks = tasks.map((task) => {
    const inputs = task.inputs.map((input) => `  ${input.name} ← ${sourcesOf(input)}\n`);
    const outputs = task.outputs.map(
      ({ name, path, folder }) => `  ${name} → ${path}${folder ? '/' : ''}\n`,
    );
    return `${task.id}\n${inputs.join('')}${outputs.join('')}`;
  });
  return blocks.join('');
}

interface Edge {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** One edge for each pair of tasks; its label lists the outputs that pass. */
function edgesInto(task: Task): Edge[] {
  const outputs = new Map<string, Set<string>>();
  for (const input of task.inputs) {
    if (input.kind !== 'upstream') continue;
    for (const { task: from, output } of input.from) {
      outputs.set(from, (outputs.get(from) ?? new Set()).add(output));
    }
  }
  return [...outputs].map(([from, names]) => ({ from, to: task.id, label: [...names].join(', ') }));
}

function asMermaid(tasks: readonly Task[]): string {
  const numbers = new Map(tasks.map(({ id }, index) => [id, `t${index}`]));
  const nodes = tasks.map(({ id }) => `  ${numbers.get(id)}["${id}"]\n`);
  const edges = tasks
    .flatMap(edgesInto)
    .map(({ from, to, label }) => `  ${numbers.get(from)} -->|"${label}"| ${numbers.get(to)}\n`);
  return `flowchart TD\n${nodes.join('')}${edges.join('')}`;
}

function asDot(tasks: readonly Task[]): string {
  const quote = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const nodes = tasks.map(({ id }) => `  ${quote(id)};\n`);
  const edges = tasks
    .flatMap(edgesInto)
    .map(({ from, to, label }) => `  ${quote(from)} -> ${quote(to)} [label=${quote(label)}];\n`);
  return `digraph pipeline {\n  node [shape=box];\n${nodes.join('')}${edges.join('')}}\n`;
}

function asJson(graph: TaskGraph, tasks: readonly Task[]): string {
  const described = tasks.map((task) => ({
    id: task.id,
    stage: task.stage.name,
    cell: task.cell,
    params: task.params,
    inputs: task.inputs.map((input) =>
      input.kind === 'source'
        ? { name: input.name, kind: input.shape, files: input.patterns }
        : {
            name: input.name,
            kind: input.shape,
            from: input.from.map(({ task: upstream, output }) => ({ task: upstream, output })),
          },
    ),
    outputs: task.outputs,
    upstream: graph.upstream(task.id),
  }));
  return `${JSON.stringify({ tasks: described }, null, 2)}\n`;
}
