/** `pipe run`: builds the targets and shows what happened. */
import { build } from '../pipe/run/build.ts';
import { type Command, type Invocation, UsageError } from './command.ts';
import { countOf, jsonOption, planOptions, whereOf } from './common-options.ts';
import { interruption } from './interruption.ts';
import { findProject, hostPath, loadGraph, storeOf } from './project.ts';
import { chooseReporter } from './reporter/choose.ts';
import { backendOf, backendOption, jobsOption } from './run-options.ts';
import { type Planned, Settling } from './settling.ts';

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
    {
      name: 'check',
      type: 'boolean',
      summary:
        'build, then rebuild the targets from scratch beside the store and compare every byte',
    },
    jobsOption,
    backendOption,
    { name: 'watch', short: 'w', type: 'boolean', summary: 'stay and rebuild on every change' },
    jsonOption,
  ],
  run: async (invocation) => {
    refuseTogether(invocation, ['watch', 'dry-run', 'check']);
    if (invocation.flag('watch')) {
      const { watchCommand } = await import('./watch.ts');
      return watchCommand.run(invocation);
    }
    return runOnce(invocation);
  },
};

function refuseTogether(invocation: Invocation, names: readonly string[]): void {
  const given = names.filter((name) => invocation.flag(name)).map((name) => `--${name}`);
  if (given.length > 1) throw new UsageError(`${given.join(' and ')} exclude each other`);
}

async function runOnce(invocation: Invocation): Promise<number> {
  const project = findProject(process.cwd(), invocation.text('file'));
  const where = whereOf(invocation);
  const jobs = countOf(invocation, 'jobs');
  const backend = backendOf(invocation);
  const force = invocation.flag('force');
  // Only a plain run has an answer that the next one may repeat.
  const isPlain = !['dry-run', 'force', 'check'].some((name) => invocation.flag(name));
  const settling = isPlain ? new Settling(project, process.argv.slice(2)) : undefined;
  const sets = invocation.texts('set');
  const loaded = settling?.graph(sets) ?? loadGraph(project, sets).then((graph) => ({ graph }));
  const { graph, memory }: Planned = await loaded;
  const store = storeOf(project);
  const reporter = await chooseReporter(invocation.flag('json'));
  const shared = { graph, store, targets: invocation.positionals, where, force };
  const interrupted = interruption();
  try {
    if (invocation.flag('dry-run')) {
      const { decide } = await import('../pipe/run/decide.ts');
      const summary = await decide(shared, reporter.emit);
      // For a program the summary is always the last line; a person has just read it all.
      if (invocation.flag('json')) reporter.emit(summary);
      return 0;
    }
    const act = invocation.flag('check') ? (await import('../pipe/run/check.ts')).check : build;
    const summary = await act(
      {
        ...shared,
        artifactsFolder: project.artifactsFolder,
        keepGoing: invocation.flag('keep-going'),
        hostPath,
        signal: interrupted.signal,
        ...(jobs === undefined ? {} : { jobs }),
        ...(backend === undefined ? {} : { backend }),
        ...(memory === undefined ? {} : { memory }),
        prune: memory === undefined && sets.length === 0,
        ...(settling === undefined
          ? {}
          : {
              results: settling.results,
              onStanding: (tasks) => reporter.repeat(settling.repeat(tasks)),
              onWaiting: () => settling.prepare(store),
            }),
      },
      settling?.listen(reporter.emit) ?? reporter.emit,
    );
    if (interrupted.signal.aborted) return 130;
    if (summary.failed + summary.skipped === 0) settling?.conclude(shared, store);
    return summary.failed > 0 ? 1 : 0;
  } finally {
    interrupted.stopListening();
    reporter.close();
  }
}
