/**
 * `pipe clean`: removes the named artifacts, scratch folders and logs; the store stays, so that the
 * next run restores instead of rebuilding. `--cache` removes the store as well.
 */
import { type Dirent, lstatSync, readdirSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from './command.ts';
import { fileOption } from './common-options.ts';
import { formatBytes } from './duration.ts';
import { findProject, type Project } from './project.ts';

export const cleanCommand: Command = {
  name: 'clean',
  usage: 'clean',
  summary: 'remove artifacts/, scratch folders and logs; with --cache everything that was built',
  options: [
    fileOption,
    {
      name: 'cache',
      type: 'boolean',
      summary: 'also remove the store: the next run rebuilds everything',
    },
    { name: 'dry-run', short: 'n', type: 'boolean', summary: 'say what would be removed' },
  ],
  run: async (invocation) => {
    const project = findProject(process.cwd(), invocation.text('file'));
    const dryRun = invocation.flag('dry-run');
    if (!dryRun) forgetViews(project);
    for (const folder of foldersToEmpty(project, invocation.flag('cache'))) {
      const bytes = emptyFolder(folder, dryRun);
      if (bytes === undefined) continue;
      const name = relative(project.root, folder);
      process.stderr.write(
        `${dryRun ? 'would remove' : 'removed'} ${name}/* (${formatBytes(bytes)})\n`,
      );
    }
    return 0;
  },
};

function foldersToEmpty(project: Project, wholeCache: boolean): string[] {
  const inCache = ['scratch', 'logs'].map((name) => join(project.cacheFolder, name));
  return [project.artifactsFolder, ...(wholeCache ? [project.cacheFolder] : inCache)];
}

/** The record of what was put into artifacts/: what we remove ourselves was not removed by hand. */
function forgetViews(project: Project): void {
  const index = join(project.cacheFolder, 'index');
  for (const entry of entriesOf(index)) {
    if (entry.name.startsWith('artifacts-')) rmSync(join(index, entry.name));
  }
}

/** Bytes that its entries took, or undefined where there is nothing to remove. Keeps `.gitkeep`. */
function emptyFolder(folder: string, dryRun: boolean): number | undefined {
  const entries = entriesOf(folder).filter((entry) => entry.name !== '.gitkeep');
  if (entries.length === 0) return undefined;
  let bytes = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    bytes += sizeOf(path, entry);
    if (!dryRun) rmSync(path, { recursive: true, force: true });
  }
  return bytes;
}

function entriesOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function sizeOf(path: string, entry: Dirent): number {
  if (!entry.isDirectory()) return lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return entriesOf(path).reduce((sum, child) => sum + sizeOf(join(path, child.name), child), 0);
}
