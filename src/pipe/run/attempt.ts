/**
 * One attempt at a task: workspace, process, outputs into the store. Knows no schedule, no lock and
 * no retry.
 */
import { mkdirSync, statfsSync } from 'node:fs';
import { join, sep } from 'node:path';
import { monotonicMs } from '../clock.ts';
import type { Emit, TaskId } from '../event.ts';
import type { Task, TaskOutput } from '../graph/task.ts';
import { canonicalJson, type JsonObject } from '../json.ts';
import { type Entry, ownEntryAt } from '../store/file-stamp.ts';
import type { TaskLog } from '../store/logs.ts';
import { memoFolderName } from '../store/memo.ts';
import type { Store } from '../store/store.ts';
import type { OutputRecord, Trace } from '../store/trace.ts';
import { renderCommand } from './command.ts';
import { type Failure, failureOf, worldFailure } from './failure.ts';
import type { HostError, HostMessage, Usage } from './order.ts';
import { permissionFlags } from './permission.ts';
import type { Prepared, PreparedInput } from './prepare.ts';
import type { Lease } from './resources.ts';
import type { StopSignal } from './stop.ts';
import {
  type ProcessConditions,
  type ProcessEnd,
  type ProcessSpec,
  runProcess,
} from './task-process.ts';
import { isLinked, openWorkspace, type Workspace } from './workspace.ts';

export interface AttemptOptions {
  readonly task: Task;
  readonly prepared: Prepared;
  readonly store: Store;
  readonly root: string;
  readonly hostPath: string;
  readonly inherited: Environment;
  readonly backend: string | undefined;
  readonly lease: Lease;
  readonly log: TaskLog;
  readonly signal: StopSignal;
  readonly emit: Emit;
  onStart(pid: number): void;
}

export interface Product {
  readonly outputs: Trace['outputs'];
  readonly notes: readonly string[];
  readonly metrics: JsonObject;
  readonly cost: Trace['cost'];
}

/** What a task reported while it ran. */
interface Report {
  readonly notes: string[];
  metrics: JsonObject;
  usage: Usage | undefined;
  error: HostError | undefined;
  stderr: string;
}

/** Exit code 0 without the host's last word: what was written may be half of it. */
const LEFT_EARLY: Failure = {
  reason: 'exit',
  message: 'the process ended before run() returned',
  hint: 'let run() return or throw; process.exit() in a stage cuts its work off',
};

export class TaskFailure extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.name = 'TaskFailure';
    this.failure = failure;
  }
}

const STDERR_TAIL = 16 * 1024;

/** Throws TaskFailure; leaves no scratch behind either way. */
export async function attempt(options: AttemptOptions): Promise<Product> {
  let workspace: Workspace | undefined;
  try {
    workspace = openWorkspace(
      options.task,
      options.prepared,
      options.store,
      options.task.code.kind === 'command',
    );
    return await perform(options, workspace);
  } catch (error) {
    const failure = error instanceof TaskFailure ? undefined : worldFailure(error);
    throw failure === undefined ? error : new TaskFailure(failure);
  } finally {
    workspace?.remove();
  }
}

async function perform(options: AttemptOptions, workspace: Workspace): Promise<Product> {
  const { task } = options;
  const report: Report = { notes: [], metrics: {}, usage: undefined, error: undefined, stderr: '' };
  const startedMs = monotonicMs();
  const end = await runProcess(specOf(options, workspace, report));
  const wallMs = Math.round(monotonicMs() - startedMs);
  failUnlessDone(end, report, options, () => isDiskFull(workspace.folder));
  const outputs = await collect(requireOutputs(task, workspace), options.store);
  const { cpuMs, peakRssBytes } = report.usage ?? end.usage;
  const cost = { wallMs, cpuMs: Math.round(cpuMs), peakRssBytes };
  return { outputs, notes: report.notes, metrics: report.metrics, cost };
}

function specOf(options: AttemptOptions, workspace: Workspace, report: Report): ProcessSpec {
  const { task, signal, log, emit, onStart } = options;
  const conditions: ProcessConditions = {
    folder: workspace.folder,
    environment: environmentOf(options, workspace),
    timeoutMs: task.stage.timeoutMs,
    signal,
    onStart,
    onText(stream, text) {
      log.write(text);
      if (stream === 'stderr') report.stderr = (report.stderr + text).slice(-STDERR_TAIL);
      emit({ type: 'taskLog', task: task.id, stream, text });
    },
    onMessage: (message) => hear(message, task.id, report, log, emit),
  };
  return task.code.kind === 'module'
    ? Object.assign(conditions, moduleSpec(options, workspace))
    : Object.assign(conditions, commandSpec(options, workspace));
}

function hear(message: HostMessage, task: TaskId, report: Report, log: TaskLog, emit: Emit): void {
  if (message.type === 'log') {
    log.write(`${message.text}\n`);
    emit({ type: 'taskLog', task, stream: 'log', text: `${message.text}\n` });
  } else if (message.type === 'note') {
    report.notes.push(message.text);
    log.write(`note: ${message.text}\n`);
    emit({ type: 'taskNote', task, text: message.text });
  } else if (message.type === 'metric') {
    report.metrics = { ...report.metrics, ...message.values };
    emit({ type: 'taskMetric', task, values: message.values });
  } else if (message.type === 'progress') {
    emit({ ...message, type: 'taskProgress', task });
  } else {
    report.usage = message.usage;
    if (message.type === 'done') return;
    report.error = message.error;
    log.write(`${message.error.stack ?? message.error.message}\n`);
  }
}

function moduleSpec(options: AttemptOptions, workspace: Workspace) {
  const { task, prepared, store, hostPath } = options;
  const bundle = task.bundle;
  if (bundle === undefined) throw new Error(`assert: ${task.id} has no bundle`);
  const checkpointFolder = store.checkpointFolder(prepared.key);
  const memoFolder = memoFolderOf(options);
  const writes = [workspace.folder, memoFolder, checkpointFolder];
  for (const folder of writes) mkdirSync(folder, { recursive: true });
  const reads = prepared.inputs.flatMap(readsOf);
  const flags = permissionFlags({ bundle, host: hostPath, reads, writes });
  const order = {
    bundle,
    // In the key's order: two orders of the same params must not give two products of one key.
    params: JSON.parse(canonicalJson(task.params)) as JsonObject,
    inputs: workspace.inputs,
    outputs: workspace.outputs,
    scratch: join(workspace.folder, 'tmp'),
    seed: task.stage.seed,
    memoFolder,
    checkpointFolder,
  };
  const message = { type: 'run', order } as const;
  return { file: process.execPath, args: [...flags, hostPath], message };
}

function memoFolderOf({ prepared, store }: AttemptOptions): string {
  return join(store.layout.memo, memoFolderName(prepared.fingerprint.code));
}

/** Upstream inputs lie in scratch, which is readable anyway. */
function readsOf(input: PreparedInput) {
  if (input.kind === 'upstream' || isLinked(input)) return [];
  const whole = input.input.shape === 'folder';
  return [{ base: input.base, files: input.files.map((file) => file.path), whole }];
}

function commandSpec({ task }: AttemptOptions, workspace: Workspace) {
  if (task.code.kind !== 'command') throw new Error(`assert: ${task.id} has no command`);
  const inside = (path: string) => path.slice(workspace.folder.length + 1);
  const command = renderCommand(task.code.command, {
    inputs: mapValues(workspace.inputs, ({ path, files }, name) => {
      const shape = task.inputs.find((input) => input.name === name)?.shape;
      return shape === 'folder' ? [inside(path)] : files.map((file) => inside(file.path));
    }),
    outputs: mapValues(workspace.outputs, inside),
    params: task.params,
  });
  return { command };
}

function mapValues<From, To>(
  record: { readonly [name: string]: From },
  change: (value: From, name: string) => To,
): { [name: string]: To } {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, change(value, name)]),
  );
}

/** What is not named here does not exist for a task: a hidden variable must not change a result. */
function environmentOf(options: AttemptOptions, workspace: Workspace): Record<string, string> {
  const { task, prepared, inherited, backend, lease } = options;
  const environment: Record<string, string> = {
    ...inherited,
    TMPDIR: `${workspace.folder}${sep}tmp`,
    PIPE_THREADS: String(task.stage.resources.cpu),
    ...prepared.fingerprint.environment,
  };
  if (backend !== undefined) environment.PIPE_BACKEND = backend;
  if (lease.devices.length > 0) environment.CUDA_VISIBLE_DEVICES = lease.devices.join(',');
  return environment;
}

export interface Environment {
  readonly [name: string]: string;
}

/** Devices, too: what the user keeps from us, a task without a lease may not take. */
const INHERITED = ['PATH', 'HOME', 'CUDA_VISIBLE_DEVICES'];

/** Asked for once a run: each look at the environment takes a while. */
export function inheritedEnvironment(): Environment {
  const known = INHERITED.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(
    known.filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

const FULL_BYTES = 64 * 1024;

function isDiskFull(folder: string): boolean {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize < FULL_BYTES;
}

function failUnlessDone(
  end: ProcessEnd,
  report: Report,
  options: AttemptOptions,
  diskFull: () => boolean,
): void {
  const { task, root } = options;
  const { timeoutMs } = task.stage;
  const failure = failureOf(end, report.error, {
    root,
    stage: task.stage.name,
    stderr: report.stderr,
    diskFull,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
  if (failure !== undefined) throw new TaskFailure(failure);
  if (task.code.kind === 'module' && report.usage === undefined) throw new TaskFailure(LEFT_EARLY);
}

/** An output that is there. */
interface Made extends TaskOutput {
  /** Absolute path in scratch. */
  readonly at: string;
  readonly entry: Entry;
}

function requireOutputs(task: Task, workspace: Workspace): Made[] {
  const found = task.outputs.map((output) => {
    const path = workspace.outputs[output.name] as string;
    return { ...output, at: path, entry: ownEntryAt(path) };
  });
  const missing = found.filter(
    ({ entry, folder }) =>
      entry === undefined || (entry.kind !== 'link' && (entry.kind === 'folder') !== folder),
  );
  if (missing.length === 0) return found as Made[];
  const names = missing.map(({ name, path, folder }) => `${name} (${path}${folder ? '/' : ''})`);
  throw new TaskFailure({
    reason: 'missing-output',
    message: `did not write ${names.join(', ')}`,
    hint: `Write each declared output, or take it out of the declaration.`,
  });
}

/** What was moved into the store is not there any more for a link to lead to. */
async function collect(made: readonly Made[], { blobs }: Store): Promise<Trace['outputs']> {
  const records = new Map<string, OutputRecord>();
  const linksFirst = [
    ...made.filter(({ entry }) => entry.kind === 'link'),
    ...made.filter(({ entry }) => entry.kind !== 'link'),
  ];
  for (const { name, folder, at, entry } of linksFirst) {
    records.set(name, folder ? await blobs.putFolder(at) : await blobs.putFile(at, entry));
  }
  return Object.fromEntries(made.map(({ name }) => [name, records.get(name) as OutputRecord]));
}
