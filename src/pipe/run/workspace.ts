/**
 * The scratch folder of one attempt: upstream inputs linked in, places for the outputs. Knows no
 * process. Everything in it is invisible to other tasks and goes away with it.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Task } from '../graph/task.ts';
import type { InputFile, StageInput } from '../stage.ts';
import { isEmptyFolder } from '../store/blobs.ts';
import { fileNameOf } from '../store/cache-layout.ts';
import { livenessOf, ownIdentity } from '../store/process-identity.ts';
import type { Store } from '../store/store.ts';
import type { Prepared, PreparedInput, UpstreamEntry } from './prepare.ts';

export interface Workspace {
  readonly folder: string;
  /** Absolute paths. */
  readonly inputs: { readonly [name: string]: StageInput };
  readonly outputs: { readonly [name: string]: string };
  remove(): void;
}

let serial = 0;

/** `linkSources` also names source files in scratch, by symbolic links: commands see no other path. */
export function openWorkspace(
  task: Task,
  prepared: Prepared,
  store: Store,
  linkSources: boolean,
): Workspace {
  serial += 1;
  const name = [
    prepared.key.slice(0, 12),
    fileNameOf(ownIdentity().host),
    process.pid,
    serial,
  ].join('~');
  const folder = join(store.layout.scratch, name);
  mkdirSync(join(folder, 'tmp'), { recursive: true });
  const inputs = prepared.inputs.map(
    (each) => [each.input.name, placeInput(each, folder, store, linkSources)] as const,
  );
  const outputs = task.outputs.map(({ name, path, folder: isFolder }) => {
    const target = join(folder, 'out', path);
    mkdirSync(isFolder ? target : dirname(target), { recursive: true });
    return [name, target] as const;
  });
  return {
    folder,
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(outputs),
    remove: () => removeTree(folder),
  };
}

/** Node's own way looks at each file by itself: for the few files of most tasks that takes longer than their making. */
function removeTree(folder: string): void {
  try {
    removeFolder(folder);
  } catch {
    // Something is in the way (rights, a file that comes while we look): the thorough way says what.
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

function removeFolder(folder: string): void {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}${sep}${entry.name}`;
    if (entry.isDirectory()) removeFolder(path);
    else unlinkSync(path);
  }
  rmdirSync(folder);
}

/** Removes what dead engines of this machine left in scratch. */
export function sweepScratch(store: Store): void {
  const { scratch } = store.layout;
  if (!existsSync(scratch)) return;
  for (const name of readdirSync(scratch)) {
    const [, host, pid] = name.split('~');
    const identity = { pid: Number(pid), start: '', host: ownIdentity().host };
    if (host !== fileNameOf(ownIdentity().host) || livenessOf(identity) !== 'dead') continue;
    rmSync(join(scratch, name), { recursive: true, force: true, maxRetries: 3 });
  }
}

function placeInput(
  prepared: PreparedInput,
  folder: string,
  store: Store,
  linkSources: boolean,
): StageInput {
  const target = join(folder, 'in', prepared.input.name);
  if (prepared.kind === 'upstream') return placeUpstream(prepared, target, store);
  const linked = linkSources || isLinked(prepared);
  const files = prepared.files.map(({ path, name, digest }) => ({
    path: linked ? linkSource(path, join(target, name)) : path,
    name,
    digest,
    cell: {},
  }));
  if (linkSources) {
    for (const name of prepared.emptyFolders) mkdirSync(join(target, name), { recursive: true });
  }
  const base = linked ? target : prepared.base;
  return { path: mainPath(prepared.input.shape, base, files), files };
}

/** Above this many files the flags that grant each would outgrow a command line. */
const MOST_GRANTED = 500;

/** Whether a stage reads links in its scratch folder, so that it is granted these files and no others. */
export function isLinked({ input, files }: PreparedInput & { kind: 'source' }): boolean {
  return input.shape !== 'folder' && files.length > MOST_GRANTED;
}

function linkSource(path: string, target: string): string {
  mkdirSync(dirname(target), { recursive: true });
  symlinkSync(path, target);
  return target;
}

function placeUpstream(
  prepared: PreparedInput & { kind: 'upstream' },
  target: string,
  store: Store,
): StageInput {
  const placed = prepared.entries.map((entry, index) => {
    const apart = isOne(prepared) ? '' : fileNameOf(entry.cellName) || String(index);
    return placeEntry(entry, join(target, apart, entry.fileName), store);
  });
  const only = prepared.entries[0];
  if (prepared.entries.length === 1 && only?.record.kind === 'folder' && isOne(prepared)) {
    return { path: placed[0]?.path ?? target, files: filesOf(only, placed[0] as InputFile, store) };
  }
  return { path: mainPath(prepared.input.shape, target, placed), files: placed };
}

function isOne(prepared: PreparedInput): boolean {
  return prepared.input.shape === 'file' || prepared.input.shape === 'folder';
}

function placeEntry(entry: UpstreamEntry, path: string, store: Store): InputFile {
  store.blobs.materialise(entry.record, path);
  return { path, name: entry.fileName, digest: entry.record.digest, cell: entry.cell };
}

function filesOf(entry: UpstreamEntry, folder: InputFile, store: Store): InputFile[] {
  const files = store.blobs.listing(entry.record.digest).filter(({ name }) => !isEmptyFolder(name));
  return files.map(({ name, digest }) => ({
    path: join(folder.path, name),
    name,
    digest,
    cell: entry.cell,
  }));
}

function mainPath(shape: string, base: string, files: readonly InputFile[]): string {
  return shape === 'file' ? (files[0]?.path ?? base) : base;
}
