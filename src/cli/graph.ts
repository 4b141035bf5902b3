/** `pipe graph`: the DAG of tasks as text, mermaid, dot or JSON. */
import { renderGraph } from '../pipe/graph/render.ts';
import { type Command, UsageError } from './command.ts';
import { planOptions, whereOf } from './common-options.ts';
import { findProject, loadGraph } from './project.ts';

const FORMATS = ['text', 'mermaid', 'dot', 'json'] as const;

export const graphCommand: Command = {
  name: 'graph',
  usage: 'graph [TARGET…]',
  summary: 'the tasks (of the targets: and all that they need) and what each reads and makes',
  options: [
    ...planOptions,
    {
      name: 'format',
      type: 'string',
      placeholder: 'FORMAT',
      summary: `${FORMATS.join(', ')} (default: text)`,
    },
  ],
  run: async (invocation) => {
    const wanted = invocation.text('format') ?? 'text';
    const format = FORMATS.find((name) => name === wanted);
    if (format === undefined)
      throw new UsageError(`--format ${wanted}: expected one of ${FORMATS.join(', ')}`);
    const project = findProject(process.cwd(), invocation.text('file'));
    const graph = await loadGraph(project, invocation.texts('set'));
    const { tasks } = graph.closure(invocation.positionals, whereOf(invocation));
    const text = renderGraph(graph, format, tasks);
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    return 0;
  },
};
