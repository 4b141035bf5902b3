/** `pipe logs TASK…`: what the task, or every task of a stage, said when it last ran. */
import { existsSync, readFileSync } from 'node:fs';
import { type Command, UsageError } from './command.ts';
import { planOptions, whereOf } from './common-options.ts';
import { findProject, loadGraph, storeOf } from './project.ts';

export const logsCommand: Command = {
  name: 'logs',
  usage: 'logs TASK…',
  summary: 'what a task said when it last ran',
  options: [...planOptions],
  run: async (invocation) => {
    if (invocation.positionals.length === 0) {
      throw new UsageError('logs needs a task or a stage', 'pipe status lists them');
    }
    const project = findProject(process.cwd(), invocation.text('file'));
    const graph = await loadGraph(project, invocation.texts('set'));
    const { targets } = graph.closure(invocation.positionals, whereOf(invocation));
    const { logs } = storeOf(project);
    for (const target of targets) {
      const path = logs.latest(target);
      if (path === undefined || !existsSync(path))
        process.stderr.write(`${target}: no log is kept\n`);
      else process.stdout.write(logText(target, readFileSync(path, 'utf8'), targets.length > 1));
    }
    return 0;
  },
};

function logText(task: string, text: string, headed: boolean): string {
  const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return headed ? `── ${task}\n${whole}` : whole;
}
