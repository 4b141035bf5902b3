/**
 * Input sources that are files of the project: their shape, and whether they are there. A cheap
 * check at load time: globs are expanded only when a task is decided.
 */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { nearestName } from '../config/nearest-name.ts';
import type { Diagnostic } from '../diagnostic.ts';

type SourceKind = 'file' | 'folder' | 'glob' | 'missing';

export function isGlob(source: string): boolean {
  return /[*?{}[\]!]/.test(source);
}

export function sourceKind(root: string, source: string): SourceKind {
  // What a glob searches may be one file, which it then means (run/source-files expands it so).
  const place = isGlob(source) ? globBase(source) : source;
  const stat = statSync(resolve(root, place), { throwIfNoEntry: false });
  if (stat === undefined) return 'missing';
  if (isGlob(source)) return 'glob';
  return stat.isDirectory() ? 'folder' : 'file';
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** The folder that a glob searches: its leading parts without a wildcard. */
export function globBase(glob: string): string {
  const parts = glob.split('/');
  const first = parts.findIndex(isGlob);
  return parts.slice(0, first).join('/') || (glob.startsWith('/') ? '/' : '.');
}

/** What is missing and what there is instead, without the place. */
export function missingSource(root: string, source: string, reader: string): Diagnostic {
  const wanted = isGlob(source) ? globBase(source) : source.replace(/\/$/, '');
  const nearest = nearestPath(root, wanted);
  const message = `${reader} reads ${source}, but there is no ${wanted}.`;
  return {
    code: 'missing-file',
    message,
    ...(nearest === undefined ? {} : { hint: `Did you mean "${nearest}"?` }),
  };
}

/** Mends the first part of a path that does not exist, if something near it does. */
function nearestPath(root: string, path: string): string | undefined {
  const parent = dirname(path);
  const folder = resolve(root, parent);
  if (!isFolder(folder)) {
    const mended = parent === path ? undefined : nearestPath(root, parent);
    return mended && join(mended, basename(path));
  }
  const nearest = nearestName(basename(path), readdirSync(folder));
  return nearest === undefined ? undefined : join(parent, nearest);
}

const OWN_FOLDERS = ['cache', 'artifacts'];

/** What keeps a source from being an input whether or not it is there. */
export function sourceProblem(
  root: string,
  source: string,
): { readonly code: string; readonly what: string; readonly hint: string } | undefined {
  const base = resolve(root, isGlob(source) ? globBase(source) : source);
  const own = OWN_FOLDERS.find((name) => base.includes(name) && isWithin(base, join(root, name)));
  if (own !== undefined) {
    return {
      code: 'own-folder',
      what: `which lies in ${own}/, where pipe keeps what it makes`,
      hint: 'Name the output itself (STAGE.OUTPUT), or copy the file to a folder of your own.',
    };
  }
  if (!hasOpenBrace(source) || statSync(resolve(root, source), { throwIfNoEntry: false })) {
    return undefined;
  }
  return {
    code: 'bad-glob',
    what: 'in which a brace has no partner',
    hint: 'Write alternatives as {a,b}.',
  };
}

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function hasOpenBrace(glob: string): boolean {
  if (!/[{}]/.test(glob)) return false;
  let open = 0;
  for (const letter of glob) {
    if (letter === '{') open += 1;
    if (letter === '}') open -= 1;
    if (open < 0) return true;
  }
  return open > 0;
}
