/**
 * A task meets its inputs: digests of what it would read now, the fingerprint, the key. Knows no
 * scheduler and starts nothing.
 */
import { cpus } from 'node:os';
import { basename } from 'node:path';
import type { Digest, Key } from '../digest.ts';
import type { TaskId } from '../event.ts';
import type { Fingerprint, InputFingerprint } from '../fingerprint/document.ts';
import { keyOf } from '../fingerprint/key.ts';
import type { Task, TaskGraph, TaskInput, UpstreamOutput } from '../graph/task.ts';
import { EMPTY } from '../store/blobs.ts';
import { type FileStamp, isRacy, sameStamp, stampAt } from '../store/file-stamp.ts';
import type { Store } from '../store/store.ts';
import type { OutputRecord, Trace } from '../store/trace.ts';
import { type Expansion, expandSources, type Grounds } from './source-files.ts';

export interface Prepared {
  readonly key: Key;
  readonly fingerprint: Fingerprint;
  readonly inputs: readonly PreparedInput[];
  /** Sources with a wildcard or folder that must still mean the same files after the run. */
  readonly expansions: readonly PreparedSources[];
  readonly stamps: ReadonlyMap<string, FileStamp>;
}

interface PreparedSources {
  readonly patterns: readonly string[];
  readonly names: string;
  readonly grounds: Grounds;
}

export type PreparedInput =
  | {
      readonly kind: 'source';
      readonly input: TaskInput & { readonly kind: 'source' };
      readonly base: string;
      readonly files: readonly {
        readonly path: string;
        readonly name: string;
        readonly digest: Digest;
      }[];
      /** Of a folder input: names with a `/` at the end. A stage sees them, so they are in the key. */
      readonly emptyFolders: readonly string[];
    }
  | {
      readonly kind: 'upstream';
      readonly input: TaskInput & { readonly kind: 'upstream' };
      readonly entries: readonly UpstreamEntry[];
    };

export interface UpstreamEntry {
  readonly from: UpstreamOutput;
  readonly record: OutputRecord;
  /** The output's own file or folder name. */
  readonly fileName: string;
  /** The labels that the reader does not share: all that it is told of the cell, as they are all that its key holds. */
  readonly cell: { readonly [axis: string]: string };
  /** The same as text, `axis=label,axis=label`; empty when it shares all. */
  readonly cellName: string;
}

/** A source file that a task needs is not there. */
export class MissingInputError extends Error {
  readonly input: string;
  constructor(input: string, pattern: string) {
    super(`input ${input}: ${pattern} does not exist`);
    this.name = 'MissingInputError';
    this.input = input;
  }
}

export interface PrepareOptions {
  readonly graph: TaskGraph;
  readonly store: Store;
  readonly backend?: string;
  /** Of a source: whether it is known to be another than when its digest was last asked for. */
  readonly hasMoved?: (path: string) => boolean;
  /** What the settled upstream tasks made. */
  readonly settled: (task: TaskId) => Pick<Trace, 'outputs'>;
}

/** Raised when the engine changes what it feeds to tasks. */
const FINGERPRINT_SCHEMA = 1;

/** Throws MissingInputError, and what reading a source file throws. */
export async function prepare(task: Task, options: PrepareOptions): Promise<Prepared> {
  const inputs: PreparedInput[] = [];
  const stamps = new Map<string, FileStamp>();
  const expansions: PreparedSources[] = [];
  for (const input of task.inputs) {
    if (input.kind === 'upstream') {
      inputs.push({ kind: 'upstream', input, entries: upstreamEntries(task, input, options) });
      continue;
    }
    const expansion = await expandSources(options.graph.pipeline.root, input.patterns);
    requirePresent(input, expansion);
    const { grounds } = expansion;
    expansions.push({ patterns: input.patterns, names: namesOf(expansion), grounds });
    inputs.push(await digestSources(input, expansion, options, stamps));
  }
  const fingerprint = fingerprintOf(task, inputs, options.backend);
  return { key: keyOf(fingerprint), fingerprint, inputs, expansions, stamps };
}

/** Source files that are not what they were when `prepared` was made; looks only at stats. */
export async function changedSince(prepared: Prepared, root: string): Promise<string[]> {
  const changed: string[] = [];
  for (const [path, stamp] of prepared.stamps) {
    const now = stampAt(path);
    if (now === undefined || !sameStamp(stamp, now)) changed.push(path);
  }
  for (const { patterns, names, grounds } of prepared.expansions) {
    if (areAsTheyWere(grounds)) continue;
    if (namesOf(await expandSources(root, patterns)) !== names) changed.push(patterns.join(', '));
  }
  return changed;
}

/** Whether the folders say that nothing came or went, without reading them again. */
function areAsTheyWere({ atMs, folders, absent }: Grounds): boolean {
  for (const [path, stamp] of folders) {
    const now = stampAt(path);
    if (now === undefined || now.mtimeMs !== stamp.mtimeMs || now.inode !== stamp.inode)
      return false;
    if (isRacy(stamp, atMs)) return false;
  }
  return [...absent].every((path) => stampAt(path) === undefined);
}

function namesOf(expansion: Expansion): string {
  return [...expansion.files.map((file) => file.path), ...expansion.emptyFolders].join('\0');
}

function requirePresent(input: TaskInput & { kind: 'source' }, expansion: Expansion): void {
  if (input.optional) return;
  const missing = expansion.missing[0];
  if (missing !== undefined) throw new MissingInputError(input.name, missing);
  if (expansion.files.length > 0) return;
  throw new MissingInputError(input.name, `a file that matches ${input.patterns.join(', ')}`);
}

async function digestSources(
  input: TaskInput & { kind: 'source' },
  expansion: Expansion,
  { store, hasMoved = () => false }: PrepareOptions,
  stamps: Map<string, FileStamp>,
): Promise<PreparedInput> {
  const files: { path: string; name: string; digest: Digest }[] = [];
  for (const { path, name } of expansion.files) {
    const { digest, stamp } = await store.files.digest(path, { hasMoved: hasMoved(path) });
    stamps.set(path, stamp);
    files.push({ path, name, digest });
  }
  const emptyFolders = input.shape === 'folder' ? expansion.emptyFolders : [];
  return { kind: 'source', input, base: expansion.base, files, emptyFolders };
}

function upstreamEntries(
  task: Task,
  input: TaskInput & { kind: 'upstream' },
  options: PrepareOptions,
): UpstreamEntry[] {
  return input.from.map((from) => {
    const record = options.settled(from.task).outputs[from.output];
    const output = options.graph.tasks
      .get(from.task)
      ?.outputs.find((candidate) => candidate.name === from.output);
    if (record === undefined || output === undefined) {
      throw new Error(`assert: ${from.task} has no output ${from.output}`);
    }
    const own = Object.entries(from.labels).filter(([axis, label]) => task.labels[axis] !== label);
    const cellName = own.map(([axis, label]) => `${axis}=${label}`).join(',');
    const cell = Object.fromEntries(own);
    return { from, record, fileName: basename(output.path), cell, cellName };
  });
}

function fingerprintOf(
  task: Task,
  inputs: readonly PreparedInput[],
  backend: string | undefined,
): Fingerprint {
  const { stage } = task;
  const environment = stage.env.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    schema: FINGERPRINT_SCHEMA,
    code: task.code,
    params: task.params,
    inputs: Object.fromEntries(inputs.map((each) => [each.input.name, contentOf(each)])),
    outputs: Object.fromEntries(
      task.outputs.map(({ name, path, folder }) => [name, folder ? `${path}/` : path]),
    ),
    environment: Object.fromEntries(environment),
    seed: stage.seed,
    ...(stage.numerics === 'strict' ? { numerics: numericsOf(backend) } : {}),
  };
}

/** Which arithmetic the results come from, as far as it can differ in the last bits. */
function numericsOf(backend: string | undefined): string {
  return [backend ?? 'auto', process.arch, cpus()[0]?.model ?? ''].join(' ');
}

function contentOf(prepared: PreparedInput): InputFingerprint[] {
  if (prepared.kind === 'upstream') {
    const many = prepared.input.shape === 'fan-in' || prepared.entries.length > 1;
    return prepared.entries.map(({ cellName, fileName, record: { digest, executable } }) => ({
      ...(many ? { name: cellName || fileName } : {}),
      digest,
      ...(executable === true ? { executable } : {}),
    }));
  }
  const single = prepared.input.shape === 'file';
  const files = prepared.files.map(({ name, digest }) => (single ? { digest } : { name, digest }));
  return [...files, ...prepared.emptyFolders.map((name) => ({ name, digest: EMPTY }))];
}
