/**
 * The scratch folder of one attempt: upstream inputs linked in, places for the outputs. Knows no
 * process. Everything in it is invisible to other tasks and goes away with it.
 */
import { symlinkSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import type { Task } from '../graph/task.ts';
import type { InputFile, StageInput } from '../stage.ts';
import { isEmptyFolder } from '../store/blobs.ts';
import { fileNameOf } from '../store/cache-layout.ts';
import { scratchName } from '../store/scratch-names.ts';
import type { Store } from '../store/store.ts';
import type { Prepared, PreparedInput, UpstreamEntry } from './prepare.ts';
import { Scratch } from './scratch.ts';

export interface Workspace {
  readonly folder: string;
  /** Absolute paths. */
  readonly inputs: { readonly [name: string]: StageInput };
  readonly outputs: { readonly [name: string]: string };
  remove(): void;
}

/** `linkSources` also names source files in scratch, by symbolic links: commands see no other path. */
export function openWorkspace(
  task: Task,
  prepared: Prepared,
  store: Store,
  linkSources: boolean,
): Workspace {
  const name = scratchName(prepared.key.slice(0, 12));
  const scratch = new Scratch(join(store.layout.scratch, name));
  const folder = scratch.root;
  scratch.folder(join(folder, 'tmp'));
  const inputs = prepared.inputs.map(
    (each) => [each.input.name, placeInput(each, scratch, store, linkSources)] as const,
  );
  const outputs = task.outputs.map(({ name, path, folder: isFolder }) => {
    const target = join(folder, 'out', path);
    scratch.folder(isFolder ? target : dirname(target));
    return [name, target] as const;
  });
  return {
    folder,
    inputs: Object.fromEntries(inputs),
    outputs: Object.fromEntries(outputs),
    remove: () => scratch.remove(),
  };
}

function placeInput(
  prepared: PreparedInput,
  scratch: Scratch,
  store: Store,
  linkSources: boolean,
): StageInput {
  const target = `${scratch.root}${sep}in${sep}${prepared.input.name}`;
  if (prepared.kind === 'upstream') return placeUpstream(prepared, target, scratch, store);
  const linked = linkSources || isLinked(prepared);
  const files = prepared.files.map(({ path, name, digest }) => ({
    path: linked ? linkSource(path, target + sep + name, scratch) : path,
    name,
    digest,
    cell: {},
  }));
  if (linkSources) {
    for (const name of prepared.emptyFolders) scratch.folder(join(target, name.slice(0, -1)));
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

function linkSource(path: string, target: string, scratch: Scratch): string {
  scratch.folder(dirname(target));
  symlinkSync(path, target);
  scratch.file(target);
  return target;
}

function placeUpstream(
  prepared: PreparedInput & { kind: 'upstream' },
  target: string,
  scratch: Scratch,
  store: Store,
): StageInput {
  const placed = prepared.entries.map((entry, index) => {
    const apart = isOne(prepared) ? '' : sep + (fileNameOf(entry.cellName) || String(index));
    return placeEntry(entry, target + apart + sep + entry.fileName, scratch, store);
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

function placeEntry(entry: UpstreamEntry, path: string, scratch: Scratch, store: Store): InputFile {
  scratch.folder(dirname(path));
  store.blobs.materialise(entry.record, path);
  if (entry.record.kind === 'file') scratch.file(path);
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
