/**
 * A copy of this repository's own pipeline in a temporary folder, with settings that run in seconds:
 * few pages, one epoch, two shot counts. The tests edit it as a user would.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectAt, type RigProject, repository } from '../rig/project.ts';

const COPIED = [
  'bin',
  'src',
  'stages',
  'data',
  'models',
  'pipeline.yaml',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'build.mjs',
  'docs/events.schema.json',
  'dist',
];

export const SMALL = [
  '--set',
  'params.topK=6',
  '--set',
  'params.epochs=1',
  '--set',
  'params.shots=[0,1]',
];

export function copyFlagship(): RigProject {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pipe-flagship-')));
  for (const name of COPIED) {
    cpSync(join(repository, name), join(folder, name), {
      recursive: true,
      preserveTimestamps: true,
      filter: (source) => !/\/models\/(cache|artifacts)(\/|$)/.test(source),
    });
  }
  symlinkSync(join(repository, 'node_modules'), join(folder, 'node_modules'));
  return projectAt(folder);
}

/** Digests of everything under artifacts/, by name. */
export function artifactTexts(project: RigProject): Map<string, string> {
  const files = readdirSync(join(project.folder, 'artifacts'), {
    recursive: true,
    withFileTypes: true,
  });
  const paths = files
    .filter((entry) => entry.isFile() && entry.name !== '.gitkeep')
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return new Map(
    paths.map((path) => [path.slice(project.folder.length), readFileSync(path).toString('base64')]),
  );
}

export function sourceFiles(project: RigProject): string[] {
  return ['src', 'stages'].flatMap((folder) =>
    readdirSync(join(project.folder, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
}
