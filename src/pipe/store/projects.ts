/**
 * The projects that use a store: `projects/<digest of the root>.json`. Cleaning asks them what they
 * used last. Knows no pipeline.
 */
import { join } from 'node:path';
import { digestOf } from '../digest.ts';
import { readChecked, writeChecked } from './checked-file.ts';
import { namesIn } from './names-in.ts';

export interface KnownProject {
  /** The folder that holds its indexes, logs and run records. */
  readonly projectFolder: string;
  readonly host: string;
}

/** Costs one small read where the project is known already. */
export function registerProject(folder: string, project: KnownProject): void {
  const file = fileOf(folder, project);
  if (readChecked(file) === undefined) writeChecked(file, project);
}

export function knownProjects(folder: string): KnownProject[] {
  const names = namesIn(folder).filter((name) => name.endsWith('.json'));
  return names.flatMap((name) => {
    const project = readChecked(join(folder, name)) as KnownProject | undefined;
    return project === undefined ? [] : [project];
  });
}

function fileOf(folder: string, { projectFolder, host }: KnownProject): string {
  return join(folder, `${digestOf(`${host}\0${projectFolder}`).slice(0, 24)}.json`);
}
