/**
 * Makes one key's product: takes a lease and the key's lock, runs attempts, retries, records the
 * trace. Knows no graph. Whoever comes second to a key waits for the first and takes its product.
 */

import { cpus, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Emit } from '../event.ts';
import type { Change } from '../fingerprint/change.ts';
import { inputNames } from '../graph/change-names.ts';
import type { Task } from '../graph/task.ts';
import { isLock } from '../store/locks.ts';
import type { TaskLog } from '../store/logs.ts';
import { isSameOutput } from '../store/same-output.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../store/trace.ts';
import { attempt, type Environment, type Product, TaskFailure } from './attempt.ts';
import { type Continuation, keepForLonger, startFromFinished } from './continuation.ts';
import type { Failure } from './failure.ts';
import { lookup } from './lookup.ts';
import { changedSince, type Prepared } from './prepare.ts';
import type { Lease, Slots } from './resources.ts';
import { abortSignalOf, type StopSignal } from './stop.ts';

export interface ProduceOptions {
  readonly task: Task;
  readonly prepared: Prepared;
  readonly changes: readonly Change[];
  /** What the task made last, as far as this run knows. */
  readonly before: Trace | undefined;
  /** Asked for when others wait, too. */
  readonly priority: () => number;
  readonly forced: boolean;
  readonly runId: string;
  readonly root: string;
  readonly store: Store;
  readonly slots: Slots;
  readonly hostPath: string;
  /** Of the engine's own environment, what tasks have, too. */
  readonly inherited: Environment;
  readonly backend: string | undefined;
  readonly signal: StopSignal;
  readonly emit: Emit;
  /** Called when a process is about to start for the task, each time; a result, when all is over. */
  onRunning(lease: Lease): () => void;
}

export type Produced =
  | { readonly state: 'built'; readonly trace: Trace; readonly changedOutputs: readonly string[] }
  /** Another owner of the key built it meanwhile. */
  | { readonly state: 'found'; readonly trace: Trace }
  /** An input changed under the task: the result, if any, is void. */
  | { readonly state: 'void'; readonly files: readonly string[] };

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 60_000;
/** Reasons that another attempt may escape. */
const RETRIED: readonly Failure['reason'][] = ['exit', 'signal', 'timeout', 'out-of-memory'];

/** Throws TaskFailure, or the signal's reason when it aborts before a process started. */
export async function produce(options: ProduceOptions): Promise<Produced> {
  const { task, prepared, store, signal } = options;
  for (;;) {
    const held = { lease: await leaseFor(options) };
    try {
      const lock = store.locks.tryAcquire(prepared.key);
      if (isLock(lock)) {
        try {
          return (await foundMeanwhile(options)) ?? (await makeIt(options, held));
        } finally {
          lock.release();
        }
      }
      const here = lock.pid === process.pid;
      const owner = here ? 'another task of this run' : `process ${lock.pid} on ${lock.host}`;
      options.emit({ type: 'taskWaiting', task: task.id, key: prepared.key, owner });
    } finally {
      held.lease.release();
    }
    await store.locks.whenFree(prepared.key, abortSignalOf(signal));
  }
}

function leaseFor({ task, slots, priority, signal, emit }: ProduceOptions): Promise<Lease> {
  return slots.acquire(task.stage.resources, priority, signal, ({ pid }) => {
    const message = `${task.id}: waits for a gpu device that process ${pid} uses`;
    const hint = 'Name other devices in CUDA_VISIBLE_DEVICES to use those meanwhile.';
    emit({ type: 'warning', message, hint });
  });
}

/** With `force`, only what this very run has built counts. */
async function foundMeanwhile(options: ProduceOptions): Promise<Produced | undefined> {
  const found = await lookup(options.store, options.prepared.key);
  if (found.state !== 'hit') return undefined;
  if (options.forced && found.trace.provenance.runId !== options.runId) return undefined;
  return { state: 'found', trace: found.trace };
}

/** Another attempt has another lease. */
interface Held {
  lease: Lease;
}

async function makeIt(options: ProduceOptions, held: Held): Promise<Produced> {
  options.signal.throwIfAborted(); // another task failed while this one looked for its result
  const log = options.store.logs.open(options.runId, options.task.id);
  const ended = options.onRunning(held.lease);
  try {
    return await withRetries(options, { held, log });
  } finally {
    ended();
    if (log.isCut()) {
      const message = `${options.task.id}: the disk is full, so the end of its log is lost`;
      options.emit({ type: 'warning', message });
    }
    log.close();
  }
}

interface Making {
  readonly held: Held;
  readonly log: TaskLog;
}

async function withRetries(options: ProduceOptions, making: Making): Promise<Produced> {
  const { log } = making;
  const { task, prepared, root, store, forced } = options;
  // What is forced is made from nothing.
  const begun = forced ? undefined : startFromFinished(store, task, prepared);
  const beginning = begun ? [beginningText(begun)] : [];
  for (const text of beginning) {
    log.write(`note: ${text}\n`);
    options.emit({ type: 'taskNote', task: task.id, text });
  }
  for (let number = 1; ; number += 1) {
    const result = await tryOnce(options, making, number);
    const files = await changedSince(prepared, root);
    if (files.length > 0 && !isCancelled(result)) return { state: 'void', files };
    if (!(result instanceof TaskFailure)) {
      const product = { ...result, notes: [...beginning, ...result.notes] };
      return record(options, product);
    }
    const { reason, message } = result.failure;
    if (number > task.stage.retries || !RETRIED.includes(reason)) throw result;
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** (number - 1), LONGEST_DELAY_MS);
    log.write(`attempt ${number}: ${message}\n`);
    options.emit({
      type: 'taskRetry',
      task: task.id,
      attempt: number + 1,
      reason: message,
      delayMs,
    });
    // While it waits, others can have what it asked for.
    making.held.lease.release();
    await sleep(delayMs, undefined, { signal: abortSignalOf(options.signal) });
    making.held.lease = await leaseFor(options);
    options.onRunning(making.held.lease);
  }
}

function beginningText({ param, from }: Continuation): string {
  return `goes on from the finished run with ${param} ${from}`;
}

function isCancelled(result: Product | TaskFailure): boolean {
  return result instanceof TaskFailure && result.failure.reason === 'cancelled';
}

async function tryOnce(
  options: ProduceOptions,
  { held, log }: Making,
  number: number,
): Promise<Product | TaskFailure> {
  const { task, prepared, changes, before, emit } = options;
  const expectedMs = before?.cost.wallMs;
  const onStart = (pid: number) =>
    emit({
      type: 'taskStarted',
      task: task.id,
      key: prepared.key,
      attempt: number,
      pid,
      changes,
      ...(expectedMs === undefined ? {} : { expectedMs }),
    });
  try {
    // Named one by one: to copy all that there is takes longer than the rest of this.
    const { store, root, hostPath, inherited, backend, signal } = options;
    const { lease } = held;
    return await attempt({
      task,
      prepared,
      store,
      root,
      hostPath,
      inherited,
      backend,
      lease,
      log,
      signal,
      emit,
      onStart,
    });
  } catch (error) {
    if (error instanceof TaskFailure) return error;
    throw error;
  }
}

function record(options: ProduceOptions, product: Product): Produced {
  const { task, prepared, store, runId, before } = options;
  const { outputs, notes, metrics, cost } = product;
  const trace: Trace = {
    key: prepared.key,
    fingerprint: prepared.fingerprint,
    outputs,
    notes,
    ...(Object.keys(metrics).length === 0 ? {} : { metrics }),
    cost,
    provenance: {
      task: task.id,
      finishedAt: new Date().toISOString(),
      node: process.version,
      platform: `${process.platform}-${process.arch}`,
      machine: machineText(),
      runId,
      names: inputNames(task),
    },
  };
  store.traces.put(trace);
  keepForLonger(store, task, prepared);
  const changedOutputs = Object.keys(outputs).filter(
    (name) => !isSameOutput(before?.outputs[name], outputs[name]),
  );
  return { state: 'built', trace, changedOutputs };
}

let machine: string | undefined;

/** For people, who judge times by it. Asked once: it takes the system a while to say. */
function machineText(): string {
  machine ??= describeMachine();
  return machine;
}

function describeMachine(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim() ?? 'unknown processor';
  return `${cores.length} × ${model}, ${(totalmem() / 2 ** 30).toFixed(1)} GiB`;
}
