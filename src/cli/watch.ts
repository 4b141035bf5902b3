/** `pipe watch`: builds the targets, then again whenever something that they depend on changes. */
import { watch } from '../pipe/run/watch.ts';
import type { Command } from './command.ts';
import { countOf, jsonOption, planOptions, whereOf } from './common-options.ts';
import { interruption } from './interruption.ts';
import { findProject, hostPath, loadGraph, storeOf } from './project.ts';
import { chooseReporter } from './reporter/choose.ts';
import { backendOf, backendOption, jobsOption } from './run-options.ts';

export const watchCommand: Command = {
  name: 'watch',
  usage: 'watch [TARGET…]',
  summary: 'build, then rebuild on every change to data, code or pipeline.yaml',
  options: [...planOptions, jobsOption, backendOption, jsonOption],
  run: async (invocation) => {
    const project = findProject(process.cwd(), invocation.text('file'));
    const where = whereOf(invocation);
    const jobs = countOf(invocation, 'jobs');
    const backend = backendOf(invocation);
    const sets = invocation.texts('set');
    const reporter = await chooseReporter(invocation.flag('json'));
    const interrupted = interruption();
    try {
      await watch(
        {
          load: () => loadGraph(project, sets),
          pipelineFile: project.file,
          store: storeOf(project),
          artifactsFolder: project.artifactsFolder,
          targets: invocation.positionals,
          where,
          prune: sets.length === 0,
          hostPath,
          signal: interrupted.signal,
          ...(jobs === undefined ? {} : { jobs }),
          ...(backend === undefined ? {} : { backend }),
        },
        reporter.emit,
      );
      return 130;
    } finally {
      interrupted.stopListening();
      reporter.close();
    }
  },
};
