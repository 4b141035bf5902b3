/**
 * The places in which a change can matter to a plan, and a chokidar watcher over them. Knows no
 * build.
 *
 * The project's root is watched with everything else filtered out, rather than the places
 * themselves: so a folder that is deleted and made again, or a file replaced by a rename, is seen.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { FSWatcher } from 'chokidar';
import type { TaskGraph } from '../graph/task.ts';
import { isMagic, placeOf } from './source-files.ts';

export interface Places {
  /** Watched with all that is in them. */
  readonly deep: ReadonlySet<string>;
  /** Of these, the ones that are read with their dotfiles. */
  readonly whole: ReadonlySet<string>;
  /** Folders of code: only the files right in them, and only those that can be code. */
  readonly code: ReadonlySet<string>;
}

export interface WatchedFiles {
  readonly places: Places;
  readonly count: number;
  covers(places: Places): boolean;
  close(): Promise<void>;
}

const CODE = /\.(?:[cm]?[jt]sx?|json)$/;

export function placesOf(graph: TaskGraph): Places {
  const { file, root } = graph.pipeline;
  const deep = new Set([file, join(root, 'package-lock.json')]);
  const whole = new Set<string>();
  const code = new Set<string>();
  for (const task of graph.tasks.values()) {
    for (const input of task.inputs) {
      for (const pattern of input.kind === 'source' ? input.patterns : []) {
        const place = placeOf(root, pattern);
        deep.add(place);
        if (readsDotfiles(pattern)) whole.add(place);
      }
    }
    if (task.stage.body.kind === 'module') code.add(dirname(resolve(root, task.stage.body.use)));
  }
  const bundles = [...graph.tasks.values()].flatMap(({ bundle }) => bundle ?? []);
  for (const bundle of new Set(bundles)) for (const each of codeFolders(bundle)) code.add(each);
  return { deep, whole, code };
}

/** A folder is read whole; a pattern takes dotfiles only where it names a leading dot. */
function readsDotfiles(pattern: string): boolean {
  return !isMagic(pattern) || pattern.split('/').some((segment) => segment.startsWith('.'));
}

export function unionOf(left: Places, right: Places): Places {
  return {
    deep: new Set([...left.deep, ...right.deep]),
    whole: new Set([...left.whole, ...right.whole]),
    code: new Set([...left.code, ...right.code]),
  };
}

/** Where the modules of a bundle lie, by its source map. */
function codeFolders(bundle: string): string[] {
  const map = `${bundle}.map`;
  if (!existsSync(map)) return [];
  const { sources, sourceRoot = '' } = JSON.parse(readFileSync(map, 'utf8')) as {
    sources: string[];
    sourceRoot?: string;
  };
  return sources.map((source) => dirname(resolve(dirname(bundle), sourceRoot, source)));
}

export interface Listener {
  /** Gets absolute paths of files. */
  onChange(path: string): void;
  /** Something can't be watched: from now on changes may be missed there. */
  onError(error: unknown): void;
}

/** Resolves when all is watched. */
export async function watchFiles(
  root: string,
  places: Places,
  { onChange, onError }: Listener,
): Promise<WatchedFiles> {
  const { watch } = await import('chokidar');
  const roots = rootsOf(root, places);
  const watcher = watch(roots, {
    ignoreInitial: true,
    ignored: (path) => !mayMatter(path, roots, places),
  });
  watcher.on('all', (event, path) => {
    if (event !== 'addDir' && event !== 'unlinkDir') onChange(path);
  });
  watcher.on('error', onError);
  await new Promise<void>((done) => watcher.once('ready', done));
  return {
    places,
    count: fileCount(watcher),
    covers: (wanted) =>
      isSubset(wanted.deep, places.deep) &&
      isSubset(wanted.whole, places.whole) &&
      isSubset(wanted.code, places.code),
    close: () => watcher.close(),
  };
}

/** The project, and the folders above the places that lie outside it. */
function rootsOf(root: string, places: Places): string[] {
  const outside = [...places.deep]
    .filter((place) => !isInside(place, root))
    .map((place) => dirname(place));
  const code = [...places.code].filter((place) => !isInside(place, root));
  return [root, ...new Set([...outside, ...code])];
}

function mayMatter(path: string, roots: readonly string[], places: Places): boolean {
  if (roots.includes(path)) return true;
  for (const place of places.deep) {
    if (path === place || place.startsWith(path + sep)) return true;
  }
  for (const place of places.whole) {
    if (isInside(path, place)) return basename(path) !== '.DS_Store';
  }
  for (const place of places.deep) {
    if (isInside(path, place)) return !basename(path).startsWith('.');
  }
  for (const place of places.code) {
    if (path === place || place.startsWith(path + sep)) return true;
    if (dirname(path) === place && CODE.test(path)) return true;
  }
  return false;
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder + sep);
}

function isSubset(inner: ReadonlySet<string>, outer: ReadonlySet<string>): boolean {
  return [...inner].every((each) => outer.has(each));
}

function fileCount(watcher: FSWatcher): number {
  return Object.values(watcher.getWatched()).reduce((sum, names) => sum + names.length, 0);
}
