/**
 * Node's permission model as flags: a stage's process reads its declared inputs and nothing else,
 * and writes scratch. Knows no task.
 */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Reads {
  readonly base: string;
  readonly files: readonly string[];
  /** A folder input: the stage may list it. */
  readonly whole: boolean;
}

export interface Permissions {
  readonly bundle: string;
  readonly host: string;
  readonly reads: readonly Reads[];
  /** Folders to read and write; they exist already. */
  readonly writes: readonly string[];
}

export function permissionFlags(permissions: Permissions): string[] {
  const { bundle, host, reads, writes } = permissions;
  // The door that stages import lies beside the host; where the package is linked, it is in no node_modules.
  const door = dirname(host);
  const folders = [...nodeModulesAbove(bundle), ...nodeModulesAbove(host), door, ...writes];
  const files = [bundle, `${bundle}.map`, host, `${host}.map`];
  for (const input of reads) {
    if (input.whole) folders.push(input.base);
    else files.push(...input.files);
  }
  return [
    permissionFlag(process.versions.node),
    '--no-warnings', // one would say that the permission model is experimental
    ...grants(folders, files).map((path) => `--allow-fs-read=${path}`),
    ...grants(writes, []).map((path) => `--allow-fs-write=${path}`),
    '--allow-worker',
    '--allow-addons',
    '--enable-source-maps',
  ];
}

/**
 * Paths as Node takes them (a folder means all in it), around two faults of its prefix tree: a path
 * inside a granted folder, and a path that goes on where a folder's name ends (`data2` beside
 * `data`), each make Node refuse to list the folder. The former is left out, as the folder covers
 * it. For the latter the folder is granted as `data*`: a little more than was asked for.
 */
export function grants(folders: readonly string[], files: readonly string[]): string[] {
  const all = [...new Set([...folders, ...files])];
  const inFolder = (path: string) => folders.some((folder) => path.startsWith(`${folder}/`));
  const apart = all.filter((path) => !inFolder(path));
  const goesOn = (path: string, folder: string) => path !== folder && path.startsWith(folder);
  const crowded = apart.filter(
    (path) => folders.includes(path) && apart.some((other) => goesOn(other, path)),
  );
  const covered = (path: string) => crowded.some((folder) => goesOn(path, folder));
  return apart
    .filter((path) => !covered(path))
    .map((path) => (crowded.includes(path) ? `${path}*` : path));
}

/** The flag lost its prefix in 22.13 and 23.5. */
export function permissionFlag(version: string): string {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const stable = major > 23 || (major === 23 && minor >= 5) || (major === 22 && minor >= 13);
  return stable ? '--permission' : '--experimental-permission';
}

/** Where Node looks for the packages that a bundle leaves outside, and where links in it lead. */
function nodeModulesAbove(file: string): string[] {
  const found: string[] = [];
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules');
    if (existsSync(candidate)) found.push(candidate, realpathSync(candidate));
    if (folder === dirname(folder)) return found;
  }
}
