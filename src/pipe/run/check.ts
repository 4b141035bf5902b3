/**
 * `--check`: is what the store holds for a task what the task would make again? Builds the targets
 * as usual, then each once more from scratch, without memos and checkpoints, into a store of its own
 * that is thrown away, and compares the two byte by byte. Knows no terminal.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Emit, Event, Summary, TaskId } from '../event.ts';
import type { Task } from '../graph/task.ts';
import { openDeviceLocks } from '../store/device-locks.ts';
import { newRunId } from '../store/run-id.ts';
import { scratchName } from '../store/scratch-names.ts';
import { openStore, type Store } from '../store/store.ts';
import type { OutputRecord, Trace } from '../store/trace.ts';
import { attempt, inheritedEnvironment, TaskFailure } from './attempt.ts';
import { type BuildOptions, build } from './build.ts';
import { compareOutputs } from './compare-outputs.ts';
import { lookup } from './lookup.ts';
import { changedSince, type Prepared, prepare } from './prepare.ts';
import { type Lease, machineCapacity, openSlots } from './resources.ts';

/** In the summary, `ran` counts the rebuilds too, and `failed` those that failed or differed. */
export async function check(options: BuildOptions, emit: Emit): Promise<Summary> {
  const startedMs = performance.now();
  const built = await build(options, (event) => {
    if (event.type !== 'summary' && event.type !== 'display') emit(event);
  });
  const summary = isWhole(built, options) ? await checkAll(options, built, emit) : built;
  const whole = { ...summary, wallMs: Math.round(performance.now() - startedMs) };
  emit(whole);
  return whole;
}

function isWhole({ failed, skipped }: Summary, { signal }: BuildOptions): boolean {
  return failed === 0 && skipped === 0 && signal?.aborted !== true;
}

async function checkAll(options: BuildOptions, built: Summary, emit: Emit): Promise<Summary> {
  const { graph, store, jobs } = options;
  const { targets } = graph.closure(options.targets, options.where);
  const known = await settle(options).catch((error: unknown) => {
    if (!(error instanceof Unsettled)) throw error;
    emit(disturbed(error.task, 'its inputs'));
    return undefined;
  });
  if (known === undefined) return { ...built, failed: 1 };
  const folder = join(store.layout.scratch, scratchName('check'));
  mkdirSync(folder, { recursive: true });
  const slots = openSlots(machineCapacity(jobs, graph.pipeline.pools), openDeviceLocks());
  const checker = new Checker(options, openBeside(store, folder), emit);
  try {
    const settled = await Promise.allSettled(
      targets.map(async (id) => {
        const task = graph.tasks.get(id) as Task;
        const signal = options.signal ?? new AbortController().signal;
        const lease = await slots.acquire(task.stage.resources, () => 0, signal);
        try {
          return await checker.check(task, known.get(id) as Settled, lease);
        } finally {
          lease.release();
        }
      }),
    );
    const refused = settled.find((result) => result.status === 'rejected');
    if (refused !== undefined) throw refused.reason; // only when the others have ended too
    const wrong = settled.filter((result) => result.status === 'fulfilled' && !result.value).length;
    return { ...built, ran: built.ran + targets.length, failed: wrong };
  } catch (error) {
    if (options.signal?.aborted !== true) throw error;
    return { ...built, skipped: targets.length };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What was built a moment ago is not what would be built now. */
class Unsettled extends Error {
  readonly task: TaskId;
  constructor(task: TaskId) {
    super(`${task}: its inputs changed since it was built`);
    this.name = 'Unsettled';
    this.task = task;
  }
}

interface Settled {
  readonly prepared: Prepared;
  readonly trace: Trace;
}

/** What the store holds for every task of the closure, right after it was built. */
async function settle(options: BuildOptions): Promise<ReadonlyMap<TaskId, Settled>> {
  const { graph, store, backend } = options;
  const known = new Map<TaskId, Settled>();
  const settled = (id: TaskId) => (known.get(id) as Settled).trace;
  for (const id of graph.closure(options.targets, options.where).tasks) {
    const task = graph.tasks.get(id) as Task;
    const shared = { graph, store, settled };
    const prepared = await prepare(task, backend === undefined ? shared : { ...shared, backend });
    const found = await lookup(store, prepared.key);
    if (found.state !== 'hit') throw new Unsettled(id);
    known.set(id, { prepared, trace: found.trace });
  }
  return known;
}

interface Beside {
  /** Reads inputs from the store; everything that is written goes to a folder of its own. */
  readonly store: Store;
  /** What was written there. */
  readonly blobs: Store['blobs'];
}

function openBeside(store: Store, folder: string): Beside {
  const { layout, blobs, checkpointFolder } = openStore(folder);
  const { putFile, putFolder } = blobs;
  const mixed: Store = {
    ...store,
    layout: { ...store.layout, memo: layout.memo },
    blobs: { ...store.blobs, putFile, putFolder },
    checkpointFolder,
  };
  return { store: mixed, blobs };
}

class Checker {
  readonly #options: BuildOptions;
  readonly #beside: Beside;
  readonly #emit: Emit;
  readonly #runId = `${newRunId(new Date())}-check`;

  constructor(options: BuildOptions, beside: Beside, emit: Emit) {
    this.#options = options;
    this.#beside = beside;
    this.#emit = emit;
  }

  /** Whether the task made the same again. */
  async check(task: Task, { prepared, trace }: Settled, lease: Lease): Promise<boolean> {
    const startedMs = performance.now();
    const rebuilt = await this.#rebuild(task, prepared, lease);
    if (rebuilt === undefined) return false;
    const outputs = task.outputs.map((output) =>
      compareOutputs(
        output,
        { record: trace.outputs[output.name] as OutputRecord, blobs: this.#options.store.blobs },
        { record: rebuilt[output.name] as OutputRecord, blobs: this.#beside.blobs },
      ),
    );
    const same = outputs.every(({ differing }) => differing === 0);
    const wallMs = Math.round(performance.now() - startedMs);
    this.#emit({ type: 'taskChecked', task: task.id, key: trace.key, same, outputs, wallMs });
    return same;
  }

  /** Undefined if it failed, which was said. */
  async #rebuild(task: Task, prepared: Prepared, lease: Lease) {
    const { graph, hostPath, backend, store, signal } = this.#options;
    const { key } = prepared;
    const log = store.logs.open(this.#runId, task.id);
    try {
      const product = await attempt({
        task,
        prepared,
        store: this.#beside.store,
        root: graph.pipeline.root,
        hostPath,
        inherited: inheritedEnvironment(),
        backend,
        lease,
        log,
        signal: signal ?? new AbortController().signal,
        emit: this.#emit,
        onStart: (pid) =>
          this.#emit({
            type: 'taskStarted',
            task: task.id,
            key,
            attempt: 1,
            pid,
            changes: [{ kind: 'checked' }],
          }),
      });
      return (await this.#isUndisturbed(task, prepared)) ? product.outputs : undefined;
    } catch (error) {
      if (!(error instanceof TaskFailure)) throw error;
      this.#emit({ type: 'taskFailed', task: task.id, logFile: log.path, ...error.failure });
      return undefined;
    } finally {
      log.close();
    }
  }

  async #isUndisturbed(task: Task, prepared: Prepared): Promise<boolean> {
    const files = await changedSince(prepared, this.#options.graph.pipeline.root);
    if (files.length === 0) return true;
    this.#emit(disturbed(task.id, files.join(', ')));
    return false;
  }
}

function disturbed(task: TaskId, what: string): Event {
  return {
    type: 'taskFailed',
    task,
    reason: 'input-changed',
    message: `${what} changed while the task was checked`,
    hint: 'Check it again.',
  };
}
