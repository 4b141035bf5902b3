/**
 * From the patterns of a source input to the files they mean now. Knows no digest and no task.
 *
 * Dotfiles (editors' swap files, `.DS_Store`) are left out unless a pattern names a leading dot.
 * fast-glob takes 76 ms to load, so the plain cases (a path, a folder, `*`, `**`, `?`, `{a,b}`) are
 * matched here and only the rest go to it.
 */
import { type Dirent, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { DiagnosticError } from '../diagnostic.ts';
import { byCodePoint } from '../store/blobs.ts';
import {
  contentDigest,
  type Entry,
  entryAt,
  type FileStamp,
  isRacy,
  stampOf,
} from '../store/file-stamp.ts';

export interface SourceFile {
  /** Absolute. */
  readonly path: string;
  /** Relative to the expansion's base, with `/`. */
  readonly name: string;
}

export interface Expansion {
  /** Absolute folder that all names count from; the folder itself for a single folder. */
  readonly base: string;
  /** In code-point order of `name`, without repetition. */
  readonly files: readonly SourceFile[];
  /** Folders in which nothing is, below folders that are taken whole: relative, with a `/` at the end. */
  readonly emptyFolders: readonly string[];
  /** Patterns without magic that name nothing. */
  readonly missing: readonly string[];
  /** While nothing of this changed, the patterns mean the same files. */
  readonly grounds: Grounds;
}

/** What an expansion was concluded from, beside the files that it found. */
export interface Grounds {
  /** When the first of it was looked at. */
  readonly atMs: number;
  /** Absolute paths of the folders that were read, as they were right before. */
  readonly folders: Map<string, FileStamp>;
  /** Of those that may change again without their times moving: a digest of what was in them. */
  readonly racy: Map<string, string>;
  /** Absolute paths at which there was nothing: patterns without magic, links that lead nowhere. */
  readonly absent: Set<string>;
}

interface Match {
  readonly base: string;
  readonly paths: readonly string[];
  readonly emptyFolders?: readonly string[];
  readonly missing?: boolean;
}

export async function expandSources(root: string, patterns: readonly string[]): Promise<Expansion> {
  const grounds: Grounds = {
    atMs: Date.now(),
    folders: new Map(),
    racy: new Map(),
    absent: new Set(),
  };
  const matches: Match[] = [];
  for (const pattern of patterns) matches.push(await expandPattern(root, pattern, grounds));
  const base = commonFolder(matches.map((match) => match.base));
  const paths = [...new Set(matches.flatMap((match) => match.paths))];
  const named = paths.map((path) => ({ path, name: relative(base, path).split(sep).join('/') }));
  return {
    base,
    files: named.sort((left, right) => byCodePoint(left.name, right.name)),
    emptyFolders: matches.flatMap((match) =>
      (match.emptyFolders ?? []).map((path) => `${relative(base, path).split(sep).join('/')}/`),
    ),
    missing: patterns.filter((_, index) => matches[index]?.missing === true),
    grounds,
  };
}

/** The file or folder in which a change can alter what the pattern means. */
export function placeOf(root: string, pattern: string): string {
  const literal = !isMagic(pattern) || existing(resolve(root, pattern)) !== undefined;
  return resolve(root, literal ? pattern : staticPrefix(pattern));
}

/** Whether a file (which may be gone by now) is or was meant by the pattern. */
export function means(root: string, pattern: string, file: string): boolean {
  const place = placeOf(root, pattern);
  if (file === place) return true;
  if (!file.startsWith(place + sep)) return false;
  if (place === resolve(root, pattern)) return true; // a folder
  const rest = restOf(pattern);
  const name = relative(place, file).split(sep).join('/');
  return isPlain(rest) ? globToRegExp(rest).test(name) : true;
}

async function expandPattern(root: string, pattern: string, grounds: Grounds): Promise<Match> {
  const path = resolve(root, pattern);
  const entry = existing(path); // a file whose name looks like a glob is meant as it is
  if (entry?.kind === 'folder') {
    const emptyFolders: string[] = [];
    const paths = walk(path, { ...EVERYTHING, root, emptyFolders }, grounds);
    return { base: path, paths, emptyFolders: emptyFolders.sort(byCodePoint) };
  }
  if (entry?.kind === 'file') return { base: dirname(path), paths: [path] };
  grounds.absent.add(path);
  // A pipe or a device has no content to hash, and opening one may wait for ever.
  if (entry !== undefined || !isMagic(pattern))
    return { base: dirname(path), paths: [], missing: true };
  return expandGlob(root, pattern, grounds);
}

async function expandGlob(root: string, pattern: string, grounds: Grounds): Promise<Match> {
  const base = resolve(root, staticPrefix(pattern));
  const entry = existing(base);
  if (entry === undefined) grounds.absent.add(base);
  if (entry === undefined) return { base, paths: [] };
  // What may be a folder may be one file: a model is a folder's `*`, or a single GGUF file.
  if (entry.kind === 'file') return { base: dirname(base), paths: [base] };
  const rest = restOf(pattern);
  const dots = rest.split('/').some((segment) => segment.startsWith('.'));
  const depth = rest.includes('**') ? EVERYTHING.depth : rest.split('/').length - 1;
  if (isPlain(rest)) {
    return { base, paths: walk(base, { matches: globToRegExp(rest), dots, depth, root }, grounds) };
  }
  walk(base, { matches: NOTHING, dots, depth, root }, grounds); // for the folders alone
  const glob = (await import('fast-glob')).default;
  const ignore = ['cache', 'artifacts'].map(
    (name) => `${relative(base, join(root, name)).split(sep).join('/')}/**`,
  );
  const names = await glob(rest, { cwd: base, dot: dots, onlyFiles: true, ignore });
  return { base, paths: names.map((name) => join(base, name)) };
}

export function isMagic(pattern: string): boolean {
  return /[*?{}[\]()]|^!/.test(pattern);
}

/** The part behind the folders without magic. */
function restOf(pattern: string): string {
  return pattern.split('/').slice(staticSegments(pattern).length).join('/');
}

function isPlain(glob: string): boolean {
  return !/[[\]()]|^!/.test(glob);
}

function staticSegments(pattern: string): string[] {
  const segments = pattern.split('/');
  const magic = segments.findIndex(isMagic);
  return segments.slice(0, magic);
}

function staticPrefix(pattern: string): string {
  return staticSegments(pattern).join('/') || (pattern.startsWith('/') ? '/' : '.');
}

function globToRegExp(glob: string): RegExp {
  let braces = 0;
  const text = glob.replace(/\*\*\/|\*\*|[*?{},]|[^*?{},]+/g, (token) => {
    if (token === '**/') return '(?:[^/]+/)*';
    if (token === '**') return '.*';
    if (token === '*') return '[^/]*';
    if (token === '?') return '[^/]';
    if (token === '{') braces += 1;
    if (token === '{') return '(?:';
    if (token === ',' && braces > 0) return '|';
    if (token === '}' && braces === 0) return '\\}'; // the plan refuses it; asked by a watcher it is a brace
    if (token === '}') braces -= 1;
    if (token === '}') return ')';
    return token.replace(/[.+^$|\\]/g, '\\$&');
  });
  return new RegExp(`^(?:${text})$`, 'us');
}

interface Walk {
  readonly matches: RegExp;
  readonly dots: boolean;
  /** Folders below this depth cannot hold a match. */
  readonly depth: number;
  /** Of the project, whose `cache/` and `artifacts/` are nobody's input. */
  readonly root: string;
  /** Collects the folders in which nothing is. */
  readonly emptyFolders?: string[];
}

/** A folder is read whole, dotfiles too: what a stage can read must be in its key. */
const EVERYTHING: Omit<Walk, 'root'> = { matches: /^/, dots: true, depth: 40 };
const NOTHING = /(?!)/;

/** Absolute paths of the files below `base` whose relative name matches. */
function walk(base: string, how: Walk, grounds: Grounds): string[] {
  const { matches, dots, depth: limit, root, emptyFolders } = how;
  const own = new Set([join(root, 'cache'), join(root, 'artifacts')]);
  const found: string[] = [];
  const visit = (folder: string, prefix: string, depth: number): void => {
    if (depth > limit) return;
    if (depth === EVERYTHING.depth) throw circular(folder);
    const stamp = stampOf(statSync(folder));
    const entries = readdirSync(folder, { withFileTypes: true });
    grounds.folders.set(folder, stamp);
    if (isRacy(stamp, grounds.atMs)) grounds.racy.set(folder, contentDigest(entries));
    if (entries.length === 0 && folder !== base) emptyFolders?.push(folder);
    for (const entry of entries) {
      if (entry.name.startsWith('.') && (!dots || entry.name === '.DS_Store')) continue;
      const path = folder + sep + entry.name;
      if (own.has(path)) continue;
      const kind = entry.isSymbolicLink() ? targetOf(path, grounds)?.kind : kindOf(entry);
      if (kind === 'folder') {
        if (entry.isSymbolicLink()) refuseCircle(path);
        visit(path, `${prefix}${entry.name}/`, depth + 1);
      } else if (kind === 'file' && matches.test(prefix + entry.name)) found.push(path);
    }
  };
  visit(base, '', 0);
  return found;
}

/** A link that leads nowhere may come to lead somewhere, and no folder's time would tell. */
function targetOf(path: string, grounds: Grounds): Entry | undefined {
  const entry = existing(path);
  if (entry === undefined) grounds.absent.add(path);
  return entry;
}

function kindOf(entry: Dirent): Entry['kind'] {
  if (entry.isDirectory()) return 'folder';
  return entry.isFile() ? 'file' : 'other';
}

/** A link to a folder that it lies in would be followed without end. */
function refuseCircle(link: string): void {
  const target = realpathSync(link);
  const here = realpathSync(dirname(link));
  if (here === target || here.startsWith(target + sep)) throw circular(link);
}

function circular(path: string): DiagnosticError {
  return new DiagnosticError([
    {
      code: 'circular-link',
      message: `${path} leads back to a folder that it lies in: the files below it have no end.`,
      file: path,
      hint: 'Remove the link, or name the folders that are meant.',
    },
  ]);
}

function existing(path: string): Entry | undefined {
  try {
    return entryAt(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') throw circular(path);
    throw error;
  }
}

function commonFolder(folders: readonly string[]): string {
  let common = folders[0] ?? sep;
  for (const folder of folders) {
    while (folder !== common && !folder.startsWith(common.endsWith(sep) ? common : common + sep)) {
      common = dirname(common);
    }
  }
  return common;
}
