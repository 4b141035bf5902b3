/** The engine as programs call it. Knows no command and prints nothing. */
import { findProject, hostPath, loadGraph, type Project, storeOf } from '../cli/project.ts';
import type { Summary } from '../pipe/event.ts';
import type { TaskGraph } from '../pipe/graph/task.ts';
import { build } from '../pipe/run/build.ts';
import type { LoadedPipeline, LoadOptions, RunOptions } from './pipeline.ts';

interface Loaded {
  readonly project: Project;
  readonly graph: TaskGraph;
}

/** What stands behind the plain objects that callers hold. */
const loaded = new WeakMap<LoadedPipeline, Loaded>();

export async function load(file: string, { set = {} }: LoadOptions): Promise<LoadedPipeline> {
  const project = findProject(process.cwd(), file);
  const sets = Object.entries(set).map(([path, value]) => `${path}=${JSON.stringify(value)}`);
  const graph = await loadGraph(project, sets);
  const pipeline: LoadedPipeline = {
    file: project.file,
    root: project.root,
    params: graph.pipeline.params,
    tasks: [...graph.tasks.values()].map(({ id, stage, labels, params }) => ({
      id,
      stage: stage.name,
      cell: labels,
      params,
      upstream: graph.upstream(id),
    })),
  };
  loaded.set(pipeline, { project, graph });
  return pipeline;
}

export function runLoaded(pipeline: LoadedPipeline, options: RunOptions): Promise<Summary> {
  const known = loaded.get(pipeline);
  if (known === undefined) throw new TypeError('run() takes what loadPipeline() gave');
  const { targets = [], where = {}, onEvent = () => undefined, ...others } = options;
  if (others.jobs !== undefined && !(Number.isInteger(others.jobs) && others.jobs > 0)) {
    throw new RangeError(`jobs: ${others.jobs} is no whole number of at least 1`);
  }
  const { project, graph } = known;
  const store = storeOf(project);
  const { artifactsFolder } = project;
  return build({ ...others, graph, store, artifactsFolder, targets, where, hostPath }, onEvent);
}
