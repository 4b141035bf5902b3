/**
 * Named views: `artifacts/<task>/<output path>`. Knows no task graph and starts nothing.
 *
 * A view must not be a way to corrupt the store: it is a reflink where the file system has them,
 * else a read-only hard link, else a copy. The record of what was put there (stat and digest) tells
 * a view that is up to date, by one `lstat`, from one that was edited by hand.
 */
import {
  constants,
  copyFileSync,
  type Dirent,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
} from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { type Digest, digestOf } from '../digest.ts';
import type { Emit } from '../event.ts';
import type { Task } from '../graph/task.ts';
import { isTemporaryName, removeFile, temporaryName } from '../store/atomic-file.ts';
import { copyExecutable, isEmptyFolder, linkOrCopy } from '../store/blobs.ts';
import { fileNameOf } from '../store/cache-layout.ts';
import { digestNow } from '../store/digest-now.ts';
import { ownStampAt } from '../store/file-stamp.ts';
import { openRecordLog } from '../store/record-log.ts';
import { isSameOutput } from '../store/same-output.ts';
import type { Store } from '../store/store.ts';
import type { OutputRecord, Trace } from '../store/trace.ts';
import { type Tampering, viewWarning } from './view-warning.ts';

interface View {
  /** The pipeline file whose tasks it belongs to: several may share one folder. */
  readonly plan?: string;
  readonly digest: Digest;
  readonly size: number;
  readonly mtimeMs: number;
  readonly inode: number;
}

export interface Artifacts {
  /**
   * Makes the task's views equal to the trace's outputs; warns of those that someone edited. `shown`
   * are outputs whose views are known to be as we left them.
   */
  show(task: Task, product: Pick<Trace, 'outputs'>, shown?: Trace['outputs']): void;
  /** Removes untouched views of tasks and outputs that the plan no longer has; what is not ours stays. */
  prune(tasks: Iterable<Task>): void;
  /** Writes what was put where, if anything changed; warns of views that were gone. */
  save(): void;
}

/** Where a task's views lie. */
export function artifactFolder(artifactsFolder: string, task: string): string {
  return join(artifactsFolder, fileNameOf(task));
}

/** Where it is kept what was put there. */
function recordOf(root: string, store: Store): string {
  return join(store.layout.index, `artifacts-3-${digestOf(root).slice(0, 16)}.log`);
}

/** What is on record of each view, by its absolute path. */
export function recordedViews(folder: string, store: Store): ReadonlyMap<string, View> {
  const root = resolve(folder);
  const views = openRecordLog<View>(recordOf(root, store)).read();
  return new Map([...views].map(([name, view]) => [join(root, name), view]));
}

export interface ArtifactsOptions {
  readonly store: Store;
  /** Absolute path of the pipeline file. */
  readonly plan: string;
  readonly emit: Emit;
}

export function openArtifacts(folder: string, { store, plan, emit }: ArtifactsOptions): Artifacts {
  const root = resolve(folder);
  const log = openRecordLog<View>(recordOf(root, store));
  let views: Map<string, View> | undefined;
  /** What we put there, and (null) took away: another run may know better about the rest by now. */
  const own = new Map<string, View | null>();
  const remember = (wanted: Wanted, now: Stamp) => {
    const view = { ...now, digest: wanted.digest, plan };
    views?.set(wanted.name, view);
    own.set(wanted.name, view);
  };
  const replace = (wanted: Wanted) => {
    putView(store.blobs.path(wanted.digest), wanted);
    remember(wanted, viewAt(wanted.path) as Stamp);
  };
  /** Says what was wrong with the view, if anything was. */
  const place = (wanted: Wanted): Tampering | undefined => {
    views ??= log.read();
    const known = views.get(wanted.name);
    const now = viewAt(wanted.path);
    const fits = now === undefined || isExecutable(wanted.path) === (wanted.executable ?? false);
    if (fits && isCurrent(known, now, wanted.digest)) return undefined;
    if (fits && now !== undefined && isBlob(store, wanted.digest, now)) {
      remember(wanted, now); // only its record was lost
      return undefined;
    }
    const how = tampering(known, now);
    const isOurs = how !== undefined && how !== 'deleted' && isStored(store, wanted.path);
    replace(wanted);
    return isOurs ? undefined : how;
  };
  /** Who removes a folder of artifacts hears of it once, and not of each. */
  const deleted: string[] = [];
  return {
    show(task, { outputs }, shown = {}) {
      const found: Tampered[] = [];
      const folder = artifactFolder(root, task.id) + sep;
      for (const output of task.outputs) {
        const record = outputs[output.name] as OutputRecord;
        const before = shown[output.name];
        if (before?.kind === 'file' && isSameOutput(before, record)) continue;
        const path = join(folder, output.path);
        // What follows replaces and removes files: it must never reach beyond the task's own folder.
        if (!path.startsWith(folder)) {
          throw new Error(`assert: ${path} leaves its artifact`);
        }
        const wanted = wantedViews(root, path, record, store);
        if (before?.kind === 'file' && record.kind === 'file') {
          for (const each of wanted) replace(each);
          continue;
        }
        for (const each of wanted) {
          const how = place(each);
          if (how === 'deleted') deleted.push(each.path);
          else if (how !== undefined) found.push({ path: each.path, how });
        }
        if (record.kind === 'folder') dropOthers(path, wanted, foldersOf(path, record, store));
      }
      if (found.length > 0) warnOf(found, dirname(root), emit);
    },
    prune(tasks) {
      views ??= log.read();
      const places = new Set(
        [...tasks].flatMap((task) =>
          task.outputs.map((output) => `${fileNameOf(task.id)}/${output.path}`),
        ),
      );
      const inUse = new Set([...places].flatMap(aboveAndSelf));
      for (const [name, view] of views) {
        if (view.plan !== plan || isWithin(name, places)) continue;
        const path = join(root, name);
        const now = viewAt(path);
        if (now !== undefined && sameView(view, now)) rmSync(path, { force: true });
        removeEmpty(join(root, topUnused(name, inUse)));
        removeEmptyAbove(path, root);
        views.delete(name);
        own.set(name, null);
      }
    },
    save() {
      const how = 'deleted';
      warnOf(
        deleted.map((path) => ({ path, how })),
        dirname(root),
        emit,
      );
      deleted.length = 0;
      if (own.size === 0) return;
      log.append(own);
      own.clear();
    },
  };
}

interface Tampered {
  readonly path: string;
  readonly how: Tampering;
}

function isCurrent(known: View | undefined, now: Stamp | undefined, digest: Digest): boolean {
  return known?.digest === digest && now !== undefined && sameView(known, now);
}

/** A view of an earlier product that nobody touched is simply replaced. */
function tampering(known: View | undefined, now: Stamp | undefined): Tampering | undefined {
  if (known === undefined) return now === undefined ? undefined : 'put there by someone else';
  if (now === undefined) return 'deleted';
  return sameView(known, now) ? undefined : 'changed by hand';
}

function warnOf(found: readonly Tampered[], root: string, emit: Emit): void {
  for (const how of ['changed by hand', 'deleted', 'put there by someone else'] as const) {
    const paths = found.filter((each) => each.how === how).map(({ path }) => path);
    if (paths.length > 0) emit(viewWarning(paths, how, root));
  }
}

interface Wanted {
  /** Relative to the artifacts folder. */
  readonly name: string;
  readonly path: string;
  readonly digest: Digest;
  readonly executable?: boolean;
}

type Stamp = Omit<View, 'digest' | 'plan'>;

function wantedViews(root: string, path: string, record: OutputRecord, store: Store): Wanted[] {
  const nameOf = (file: string) =>
    file
      .slice(root.length + 1)
      .split(sep)
      .join('/');
  const { digest: whole, executable: isProgram = false } = record;
  if (record.kind === 'file')
    return [{ name: nameOf(path), path, digest: whole, executable: isProgram }];
  mkdirSync(path, { recursive: true });
  return store.blobs.listing(record.digest).flatMap(({ name, digest, executable = false }) => {
    const file = join(path, name);
    if (!isEmptyFolder(name)) return [{ name: nameOf(file), path: file, digest, executable }];
    mkdirSync(file, { recursive: true });
    return [];
  });
}

function viewAt(path: string): Stamp | undefined {
  const stamp = ownStampAt(path);
  return stamp && { size: stamp.size, mtimeMs: stamp.mtimeMs, inode: stamp.inode };
}

function sameView(left: Stamp, right: Stamp): boolean {
  return left.size === right.size && left.mtimeMs === right.mtimeMs && left.inode === right.inode;
}

function isExecutable(path: string): boolean {
  return (lstatSync(path).mode & 0o111) !== 0;
}

/** A hard link to the wanted blob, whose record was lost: nothing is wrong with it. */
function isBlob(store: Store, digest: Digest, now: Stamp): boolean {
  const blob = viewAt(store.blobs.path(digest));
  return blob !== undefined && sameView(blob, now);
}

/**
 * What lies there is the content of some blob: a run that was killed put it there and could not say
 * so any more. Nobody's work is lost by replacing it.
 */
function isStored(store: Store, path: string): boolean {
  if (!lstatSync(path).isFile()) return false;
  return viewAt(store.blobs.path(digestNow(path))) !== undefined;
}

let reflinks = true;

function putView(blob: string, wanted: Wanted): void {
  // Where nothing is and a link will do, that is all there is to do.
  if (reflinks || wanted.executable === true || !linkAnew(blob, wanted.path)) {
    putInPlace(blob, wanted);
  }
}

/** False where something is there already, or no link can be: the other way says what is in its way. */
function linkAnew(blob: string, path: string): boolean {
  try {
    mkdirSync(dirname(path), { recursive: true });
    linkSync(blob, path);
    return true;
  } catch {
    return false;
  }
}

function putInPlace(blob: string, { path, executable = false }: Wanted): void {
  const temporary = temporaryName(path);
  mkdirSync(dirname(path), { recursive: true });
  try {
    if (executable) copyExecutable(blob, temporary);
    else if (!reflink(blob, temporary)) linkOrCopy(blob, temporary);
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) {
      rmSync(path, { recursive: true }); // an output that was a folder before
    }
    renameSync(temporary, path);
  } finally {
    removeFile(temporary); // renaming a link onto its twin leaves both names
  }
}

/** False where the file system has no reflinks; asked once. */
function reflink(from: string, to: string): boolean {
  if (!reflinks) return false;
  try {
    copyFileSync(from, to, constants.COPYFILE_FICLONE_FORCE);
    return true;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    if (!['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EXDEV', 'EINVAL', 'ENOTTY'].includes(code))
      throw error;
    reflinks = false;
    rmSync(to, { force: true });
    return false;
  }
}

/** Removes files that an earlier product had in this folder. */
function dropOthers(folder: string, wanted: readonly Wanted[], folders: ReadonlySet<string>): void {
  const kept = new Set(wanted.map((each) => each.path));
  // Deepest first, so that a folder is looked at when what was in it is gone.
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  for (const entry of entries.sort(byDepth)) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) {
      if (!folders.has(path)) removeIfEmpty(path);
      continue;
    }
    if (kept.has(path)) continue;
    if (isTemporaryName(entry.name) && isYoung(path)) continue; // of another run, which works here too
    rmSync(path, { force: true });
  }
}

function byDepth(left: Dirent, right: Dirent): number {
  return right.parentPath.length - left.parentPath.length;
}

const YOUNG_MS = 60_000;

function isYoung(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && Math.abs(Date.now() - stat.ctimeMs) < YOUNG_MS;
}

/** All folders of a folder output. */
function foldersOf(path: string, record: OutputRecord, store: Store): ReadonlySet<string> {
  const folders = new Set<string>();
  for (const { name } of store.blobs.listing(record.digest)) {
    const inner = join(path, name);
    if (isEmptyFolder(name)) folders.add(inner.replace(/\/$/, ''));
    for (let at = dirname(inner); at.length > path.length; at = dirname(at)) folders.add(at);
  }
  return folders;
}

function isWithin(name: string, places: ReadonlySet<string>): boolean {
  if (places.has(name)) return true;
  const parent = dirname(name);
  return parent !== '.' && isWithin(parent, places);
}

/** `a/b/c` → `a/b/c`, `a/b`, `a`. */
function aboveAndSelf(name: string): string[] {
  const parent = dirname(name);
  return parent === '.' ? [name] : [name, ...aboveAndSelf(parent)];
}

/** Of the folders above a view, the highest in which the plan has nothing. */
function topUnused(name: string, inUse: ReadonlySet<string>): string {
  const parent = dirname(name);
  return parent === '.' || inUse.has(parent) ? name : topUnused(parent, inUse);
}

/** An output may have folders in which nothing is: of those no view tells. */
function removeEmpty(folder: string): void {
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
  }
  removeIfEmpty(folder);
}

function removeEmptyAbove(path: string, root: string): void {
  for (let at = dirname(path); at.length > root.length; at = dirname(at)) {
    if (!removeIfEmpty(at)) return;
  }
}

/** False where something is in it, or it is no folder. */
function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return true;
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(code)) return false;
    throw error;
  }
}
