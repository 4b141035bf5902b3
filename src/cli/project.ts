/**
 * From the command line's words to a loaded project: finds pipeline.yaml, loads the plan and the
 * stages' code, opens the store. Knows no command.
 */
import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Pipeline } from '../pipe/config/pipeline.ts';
import { DiagnosticError } from '../pipe/diagnostic.ts';
import type { TaskGraph } from '../pipe/graph/task.ts';
import { openStore, type Store } from '../pipe/store/store.ts';

export interface Project {
  readonly file: string;
  readonly root: string;
  /** What concerns only this project: indexes, logs, run records, code. */
  readonly cacheFolder: string;
  /** Where results are kept: the same folder, or the one that PIPE_CACHE names. */
  readonly storeFolder: string;
  readonly artifactsFolder: string;
}

/** The bundle that a task's process starts with; it lies beside the bundled command line. */
export const hostPath = join(import.meta.dirname, 'host.mjs');

/** The named file, or the nearest `pipeline.yaml` from `folder` upwards. Throws DiagnosticError. */
export function findProject(folder: string, file: string | undefined): Project {
  const found = file === undefined ? nearestPipelineFile(folder) : resolve(folder, file);
  if (!existsSync(found)) {
    throw new DiagnosticError([
      {
        code: 'missing-file',
        message: `there is no ${file ?? 'pipeline.yaml'} here`,
        file: found,
        hint: 'change to the folder of your pipeline, or name the file with --file',
      },
    ]);
  }
  const root = dirname(found);
  const cacheFolder = join(root, 'cache');
  refuseLink(cacheFolder);
  const storeFolder = storeFolderOf(folder) ?? cacheFolder;
  return { file: found, root, cacheFolder, storeFolder, artifactsFolder: join(root, 'artifacts') };
}

/** Stages are granted folders by their real names. */
function storeFolderOf(folder: string): string | undefined {
  const { PIPE_CACHE: named = '' } = process.env;
  if (named === '') return undefined;
  const path = resolve(folder, named);
  return existsSync(path) ? realpathSync(path) : path;
}

/** Bundled stages lie here and find their packages in the folders above. */
function refuseLink(cacheFolder: string): void {
  if (lstatSync(cacheFolder, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
  throw new DiagnosticError([
    {
      code: 'linked-cache',
      message: 'cache is a symbolic link: stages would not find node_modules from where it leads',
      file: cacheFolder,
      hint: 'make it a folder again, and set PIPE_CACHE to where the results should lie',
    },
  ]);
}

function nearestPipelineFile(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    const candidate = join(at, 'pipeline.yaml');
    if (existsSync(candidate) || at === dirname(at)) {
      return existsSync(candidate) ? candidate : join(folder, 'pipeline.yaml');
    }
  }
}

/** Reads the plan: everything but the content of the inputs. Throws DiagnosticError. */
export async function loadGraph(project: Project, sets: readonly string[]): Promise<TaskGraph> {
  // A run that can build on what an earlier one settled never comes here, and does not load these.
  const [{ loadPipeline }, { loadStageCode }, { buildGraph }, { withAllProblems }] =
    await Promise.all([
      import('../pipe/config/load.ts'),
      import('../pipe/fingerprint/stage-code.ts'),
      import('../pipe/graph/build.ts'),
      import('../pipe/config/partial-plan.ts'),
    ]);
  const graphOf = async (pipeline: Pipeline) =>
    buildGraph(pipeline, await loadStageCode(pipeline, project.cacheFolder));
  return withAllProblems(() => loadPipeline(project.file, sets), graphOf);
}

export function storeOf(project: Project): Store {
  return openStore(project.storeFolder, project.cacheFolder);
}
