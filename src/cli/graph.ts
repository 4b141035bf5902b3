/** `pipe graph`: the DAG of tasks as text, mermaid, dot or JSON. */
import { renderGraph } from '../pipe/graph/render.ts';
import { type Command, UsageError } from './command.ts';
import { fileOption, setOption } from './common-options.ts';
import { findProject, loadGraph } from './project.ts';

const FORMATS = ['text', 'mermaid', 'dot', 'json'] as const;

export const graphCommand: Command = {
  name: 'graph',
  usage: 'graph',
  summary: 'the tasks and what each needs',
  options: [
    fileOption,
    setOption,
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
    const text = renderGraph(await loadGraph(project, invocation.texts('set')), format);
    process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
    return 0;
  },
};
