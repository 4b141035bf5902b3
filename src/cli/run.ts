/** `pipe run`: builds the targets and shows what happened. */
import { build } from '../pipe/run/build.ts';
import { decide } from '../pipe/run/decide.ts';
import { type Command, type Invocation, UsageError } from './command.ts';
import { countOf, jsonOption, planOptions, whereOf } from './common-options.ts';
import { interruption } from './interruption.ts';
import { findProject, hostPath, loadGraph, storeOf } from './project.ts';
import { chooseReporter } from './reporter/choose.ts';
import { backendOption, jobsOption } from './run-options.ts';

export const runCommand: Command = {
  name: 'run',
  usage: 'run [TARGET…]',
  summary: 'build targets (stages or tasks; no target means every stage)',
  options: [
    ...planOptions,
    {
      name: 'dry-run',
      short: 'n',
      type: 'boolean',
      summary: 'say what would run and why, run nothing',
    },
    { name: 'force', type: 'boolean', summary: 'run the targets even where nothing changed' },
    {
      name: 'keep-going',
      short: 'k',
      type: 'boolean',
      summary: 'after a failure go on with what does not depend on it',
    },
    jobsOption,
    backendOption,
    { name: 'watch', short: 'w', type: 'boolean', summary: 'stay and rebuild on every change' },
    jsonOption,
  ],
  run: async (invocation) => {
    if (invocation.flag('watch')) {
      if (invocation.flag('dry-run'))
        throw new UsageError('--watch and --dry-run exclude each other');
      const { watchCommand } = await import('./watch.ts');
      return watchCommand.run(invocation);
    }
    return runOnce(invocation);
  },
};

async function runOnce(invocation: Invocation): Promise<number> {
  const project = findProject(process.cwd(), invocation.text('file'));
  const where = whereOf(invocation);
  const jobs = countOf(invocation, 'jobs');
  const backend = invocation.text('backend');
  const force = invocation.flag('force');
  const graph = await loadGraph(project, invocation.texts('set'));
  const store = storeOf(project);
  const reporter = await chooseReporter(invocation.flag('json'));
  const shared = { graph, store, targets: invocation.positionals, where, force };
  const interrupted = interruption();
  try {
    if (invocation.flag('dry-run')) {
      const summary = await decide(shared, reporter.emit);
      // For a program the summary is always the last line; a person has just read it all.
      if (invocation.flag('json')) reporter.emit(summary);
      return 0;
    }
    const summary = await build(
      {
        ...shared,
        artifactsFolder: project.artifactsFolder,
        keepGoing: invocation.flag('keep-going'),
        hostPath,
        signal: interrupted.signal,
        ...(jobs === undefined ? {} : { jobs }),
        ...(backend === undefined ? {} : { backend }),
      },
      reporter.emit,
    );
    if (interrupted.signal.aborted) return 130;
    return summary.failed > 0 ? 1 : 0;
  } finally {
    interrupted.stopListening();
    reporter.close();
  }
}
