/**
 * Builds targets: every task of their closure settles once its upstream has, as a hit or by running.
 * Suspends nothing on keys of upstream tasks: only the content of their outputs enters a key, so a
 * task whose inputs came out equal is a hit (early cutoff). Knows no terminal and no YAML.
 */
import { readFileSync } from 'node:fs';
import { isAbsolute, join, relative } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { monotonicMs } from '../clock.ts';
import type { Key } from '../digest.ts';
import type { Emit, FailureReason, Summary, TaskId } from '../event.ts';
import type { Change } from '../fingerprint/change.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import { isDiskFull } from '../store/atomic-file.ts';
import { openDeviceLocks } from '../store/device-locks.ts';
import { keepRecords, type SourceDigest } from '../store/kept-records.ts';
import type { Presence } from '../store/presence.ts';
import { newRunId } from '../store/run-id.ts';
import type { RunRecord, TaskRecord } from '../store/run-records.ts';
import { isSameOutput } from '../store/same-output.ts';
import { sweepScratch } from '../store/scratch-names.ts';
import type { Store } from '../store/store.ts';
import { type Artifacts, openArtifacts } from './artifacts.ts';
import { inheritedEnvironment, TaskFailure } from './attempt.ts';
import { criticalPath } from './critical-path.ts';
import { type Failure, worldFailure } from './failure.ts';
import { changesFor, isKept, type Lookup, lookup, recent } from './lookup.ts';
import type { Memory } from './memory.ts';
import { MissingInputError, type Prepared, prepare } from './prepare.ts';
import { type Produced, type ProduceOptions, produce } from './produce.ts';
import { type Lease, machineCapacity, openSlots, type Slots, shortfalls } from './resources.ts';
import type { Result } from './settle.ts';
import type { Product } from './settled-tasks.ts';
import { dismissShells } from './shell-pool.ts';
import { Stop, type StopSignal } from './stop.ts';

export interface BuildOptions {
  readonly graph: TaskGraph;
  readonly store: Store;
  readonly artifactsFolder: string;
  /** Stage names or task ids; none means every stage. */
  readonly targets: readonly string[];
  readonly where?: { readonly [axis: string]: string };
  /** Runs the targets (not what they need) even if their products are known. */
  readonly force?: boolean;
  /** After a failure, go on with what does not depend on it. */
  readonly keepGoing?: boolean;
  /** Tasks at a time, and the cpus they may ask for together; the machine's cpus by default. */
  readonly jobs?: number;
  readonly backend?: string;
  readonly signal?: AbortSignal;
  /** The child entry: `dist/host.mjs`. */
  readonly hostPath: string;
  /** Shared by builds that run at the same time in one process; `jobs` is then unused. */
  readonly slots?: Slots;
  /** What an earlier run of the same plan made, and what of it still stands. */
  readonly memory?: Memory;
  /** Told of tasks that stand as the memory has them: hits without an event and without a result. */
  readonly onStanding?: (tasks: readonly TaskId[]) => void;
  /** Filled with how each task came to its product, for what wants to remember it. */
  readonly results?: Map<TaskId, Result>;
  /** The graph is the whole plan as it is written: views of what it no longer has may go. */
  readonly prune?: boolean;
  /** Called once, when the first process has been started and there is nothing to do but wait for it. */
  readonly onWaiting?: () => void;
  /** Called as soon as a task's key is known. */
  readonly onKey?: (task: TaskId, key: Key) => void;
}

export interface BuildHandle {
  readonly done: Promise<Summary>;
  /** The tasks that have a process, and what it makes. */
  running(): ReadonlyMap<TaskId, Key>;
  /** Starts nothing more; kills the running tasks that are named, lets the others finish. */
  drain(cancel: readonly TaskId[]): void;
  /** Lets others have the cpus of these running tasks, which are probably doomed. */
  yieldCpu(tasks: readonly TaskId[]): void;
}

export function build(options: BuildOptions, emit: Emit): Promise<Summary> {
  return startBuild(options, emit).done;
}

type Outcome =
  /** `same`: its outputs are those of the run that is remembered. */
  | { readonly state: 'hit' | 'ran'; readonly same: boolean }
  | { readonly state: 'failed' }
  | { readonly state: 'skipped'; readonly because: TaskId | undefined };

const VOID_ROUNDS = 3;
/** So many files of an input are kept to be compared with later ones. */
const MOST_READ = 20;

export function startBuild(options: BuildOptions, emit: Emit): BuildHandle {
  const run = new Build(options, emit);
  return {
    done: run.finish(),
    running: () => new Map([...run.running].map(([task, { key }]) => [task, key])),
    drain: (cancel) => run.drain(cancel),
    yieldCpu: (tasks) => {
      for (const task of tasks) run.running.get(task)?.lease.yieldCpu();
    },
  };
}

class Build {
  readonly running = new Map<TaskId, { readonly key: Key; readonly lease: Lease }>();
  readonly #options: BuildOptions;
  readonly #emit: Emit;
  readonly #runId = newRunId(new Date());
  readonly #startedAt = new Date();
  readonly #startedMs = monotonicMs();
  readonly #targets: ReadonlySet<TaskId>;
  readonly #tasks: readonly TaskId[];
  /** Tasks that are to be settled; with a memory, those that may come out otherwise. */
  readonly #open: readonly TaskId[];
  readonly #outcomes = new Map<TaskId, Outcome>();
  /** How many open upstream tasks a task still waits for. */
  readonly #waitsFor = new Map<TaskId, number>();
  /** Tasks whose upstream has settled. */
  readonly #ready: TaskId[] = [];
  readonly #standing: TaskId[] = [];
  readonly #products = new Map<TaskId, Product>();
  readonly #records: TaskRecord[] = [];
  readonly #stops = new Map<TaskId, Stop>();
  readonly #slots: Slots;
  readonly #artifacts: Artifacts;
  readonly #inherited = inheritedEnvironment();
  readonly #warned = new Set<string>();
  /** Sources of tasks that ran: what a later explanation compares with. */
  readonly #read: SourceDigest[] = [];
  /** What is done while the first process runs. */
  #meanwhile: Promise<void> | undefined;
  #toldOfFullDisk = false;
  #priorities: ReadonlyMap<TaskId, number> | undefined;
  #swept = false;
  /** Undefined where the store cannot be written to. */
  #presence: Presence | undefined;
  /** Set when nothing more may start; names the failed task that is to blame, if one is. */
  #stopped: { readonly because: TaskId | undefined } | undefined;

  constructor(options: BuildOptions, emit: Emit) {
    const { targets, tasks } = options.graph.closure(options.targets, options.where);
    this.#options = options;
    this.#emit = emit;
    this.#targets = new Set(targets);
    this.#tasks = tasks;
    this.#open = options.memory?.open ?? tasks;
    this.#slots =
      options.slots ??
      openSlots(machineCapacity(options.jobs, options.graph.pipeline.pools), openDeviceLocks());
    this.#artifacts = openArtifacts(options.artifactsFolder, {
      store: options.store,
      plan: options.graph.pipeline.file,
      emit,
    });
  }

  async finish(): Promise<Summary> {
    const abort = () => this.drain([...this.#tasks]);
    this.#options.signal?.addEventListener('abort', abort, { once: true });
    if (this.#options.signal?.aborted === true) abort();
    const at = this.#startedAt.toISOString();
    this.#emit({ type: 'runStarted', runId: this.#runId, tasks: this.#tasks, at });
    this.#presence = await announced(this.#options.store, this.#runId);
    this.#presence?.noteAll(this.#options.memory?.keys ?? '');
    try {
      this.#standAside();
      await this.#settleAll();
      await this.#meanwhile;
      await this.#keepRecords(this.#read);
    } finally {
      await dismissShells();
      this.#presence?.leave();
      this.#options.signal?.removeEventListener('abort', abort);
    }
    return this.#conclude();
  }

  drain(cancel: readonly TaskId[]): void {
    this.#stopped ??= { because: undefined };
    const killed = new Set(cancel);
    for (const [id, stop] of this.#stops) {
      if (killed.has(id) || !this.running.has(id)) stop.abort();
    }
  }

  /** What cannot have changed is a hit before anything is looked at. */
  #standAside(): void {
    if (this.#open.length === this.#tasks.length) return;
    const open = new Set(this.#open);
    this.#stand(this.#tasks.filter((id) => !open.has(id)));
  }

  #stand(tasks: readonly TaskId[]): void {
    if (tasks.length === 0) return;
    this.#standing.push(...tasks);
    this.#options.onStanding?.(tasks);
  }

  /** Every open task once its open upstream tasks have. A fault of the engine ends all of it. */
  #settleAll(): Promise<void> {
    const { graph } = this.#options;
    const open = new Set(this.#open);
    for (const id of this.#open) {
      const upstream = graph.upstream(id).filter((each) => open.has(each)).length;
      this.#waitsFor.set(id, upstream);
      if (upstream === 0) this.#ready.push(id);
    }
    return new Promise((resolve, reject) => {
      let [running, fault] = [0, undefined as { readonly error: unknown } | undefined];
      const fail = (error: unknown) => {
        fault ??= { error };
        this.drain(this.#tasks); // leave no child behind
        return { state: 'skipped', because: undefined } as const;
      };
      const recall = (id: TaskId) => {
        try {
          return this.#isRecalled(id) ? ({ state: 'hit', same: true } as const) : undefined;
        } catch (error) {
          return fail(error);
        }
      };
      const go = () => {
        const standing: TaskId[] = [];
        for (let id = this.#ready.shift(); id !== undefined; id = this.#ready.shift()) {
          const task = id;
          const recalled = recall(task);
          if (recalled !== undefined) {
            if (recalled.state === 'hit') standing.push(task);
            this.#close(task, recalled);
            continue;
          }
          running += 1;
          const outcome = fault === undefined ? this.#settle(task).catch(fail) : fail(fault.error);
          void Promise.resolve(outcome).then((result) => {
            running -= 1;
            this.#close(task, result);
            go();
          });
        }
        this.#stand(standing);
        if (running > 0 || this.#ready.length > 0) return;
        if (fault === undefined) resolve();
        else reject(fault.error);
      };
      go();
    });
  }

  #close(id: TaskId, outcome: Outcome): void {
    this.#outcomes.set(id, outcome);
    for (const next of this.#options.graph.downstream(id)) {
      const left = this.#waitsFor.get(next);
      if (left === undefined) continue;
      this.#waitsFor.set(next, left - 1);
      if (left === 1) this.#ready.push(next);
    }
  }

  /**
   * A task that reads what it read in the remembered run is what it was then, if that is all there.
   * What needs to be read to know that takes the long way.
   */
  #isRecalled(id: TaskId): boolean {
    const { memory, store, results } = this.#options;
    if (memory === undefined || this.#isForced(id) || !this.#isUpstreamSame(id)) return false;
    if (memory.stands(id)) return true;
    const remembered = memory.of(id);
    if (remembered?.sameSources !== true) return false;
    const { product } = remembered;
    if (!isKept(store, product)) return false;
    this.#options.onKey?.(id, product.key);
    results?.set(id, { product });
    this.#artifacts.show(this.#options.graph.tasks.get(id) as Task, product);
    return true;
  }

  #isForced(id: TaskId): boolean {
    return this.#options.force === true && this.#targets.has(id);
  }

  /** Tasks that were never open stand. */
  #isUpstreamSame(id: TaskId): boolean {
    return this.#options.graph.upstream(id).every((each) => {
      const outcome = this.#outcomes.get(each);
      return outcome === undefined || ('same' in outcome && outcome.same);
    });
  }

  async #settle(id: TaskId): Promise<Outcome> {
    const task = this.#options.graph.tasks.get(id) as Task;
    for (const each of this.#options.graph.upstream(id)) {
      const outcome = this.#outcomes.get(each);
      if (outcome?.state === 'failed') return this.#skip(id, each);
      if (outcome?.state === 'skipped') return this.#skip(id, outcome.because);
    }
    const stop = new Stop();
    this.#stops.set(id, stop);
    try {
      return await this.#bringAbout(task, stop);
    } catch (error) {
      if (stop.aborted && error === stop.reason) {
        return this.#skip(id, this.#stopped?.because);
      }
      if ((error as Error).name === 'AbortError') return this.#skip(id, this.#stopped?.because);
      return this.#fail(task, failureFrom(error));
    } finally {
      this.#stops.delete(id);
    }
  }

  /** Looks the task up, else runs it; starts over while its inputs change under it. */
  async #bringAbout(task: Task, signal: StopSignal): Promise<Outcome> {
    const { store } = this.#options;
    for (let round = 1; ; round += 1) {
      const prepared = await prepare(task, this.#prepareOptions());
      this.#options.onKey?.(task.id, prepared.key);
      this.#presence?.note(prepared.key);
      const found = await lookup(store, prepared.key);
      const forced = this.#isForced(task.id);
      if (found.state === 'hit' && !forced) return this.#hit(task, found.trace, prepared);
      if (found.state === 'lost') this.#mend(task, found);
      if (this.#stopped !== undefined) return this.#skip(task.id, this.#stopped.because);
      const built = recent(store, task);
      const changes = changesFor(store, { task, prepared, found, forced }, built);
      const why = { changes, forced, before: built[0] };
      const produced = await this.#produce(task, prepared, why, signal);
      if (produced.state === 'found') return this.#hit(task, produced.trace, prepared);
      if (produced.state === 'built') return this.#ran(task, produced, changes, prepared);
      const files = shortened(produced.files, this.#options.graph.pipeline.root);
      if (round === VOID_ROUNDS) throw new TaskFailure(restless(files));
      const message = `${task.id}: ${files} changed while the task read it`;
      this.#emit({ type: 'warning', message: `${message}; running it again` });
    }
  }

  #prepareOptions() {
    const { graph, store, backend, memory } = this.#options;
    const settled = (id: TaskId) => (this.#products.get(id) ?? memory?.of(id)?.product) as Product;
    const hasMoved = memory?.hasMoved;
    return {
      graph,
      store,
      settled,
      ...(hasMoved === undefined ? {} : { hasMoved }),
      ...(backend === undefined ? {} : { backend }),
    };
  }

  #produce(
    task: Task,
    prepared: Prepared,
    why: Pick<ProduceOptions, 'changes' | 'forced' | 'before'>,
    signal: StopSignal,
  ): Promise<Produced> {
    const { graph, store, hostPath, backend } = this.#options;
    this.#presence?.publish();
    if (!this.#swept) sweepScratch(store.layout.scratch);
    this.#swept = true;
    this.#warnOfShortfall(task);
    return produce({
      task,
      prepared,
      ...why,
      priority: () => this.#priority(task.id),
      runId: this.#runId,
      root: graph.pipeline.root,
      store,
      slots: this.#slots,
      hostPath,
      inherited: this.#inherited,
      backend,
      signal,
      emit: this.#emit,
      onRunning: (lease) => {
        this.#meanwhile ??= this.#useTheWait(prepared);
        this.running.set(task.id, { key: prepared.key, lease });
        return () => this.running.delete(task.id);
      },
    });
  }

  /** A run of one task waits for it with its hands free. */
  #useTheWait(prepared: Prepared): Promise<void> {
    const begun = breathe().then(() => {
      this.#options.onWaiting?.();
      return this.#keepRecords(sourcesOf(prepared));
    });
    begun.catch(() => undefined); // whoever waits for it at the end hears of it, if nothing worse happened
    return begun;
  }

  #keepRecords(read: readonly SourceDigest[]): Promise<void> {
    return keepRecords(join(this.#options.store.layout.root, 'records'), read);
  }

  /** Once a stage: a task that asks for more than the machine has runs with all of it. */
  #warnOfShortfall({ stage }: Task): void {
    if (this.#warned.has(stage.name)) return;
    this.#warned.add(stage.name);
    const missing = shortfalls(stage.resources, this.#slots.capacity);
    if (missing.length === 0) return;
    this.#emit({
      type: 'warning',
      message: `${stage.name} asks for ${missing.join(' and ')}: it runs with what there is`,
    });
  }

  /** Costs are read only when something must run: a build of hits does not pay for them. */
  #priority(id: TaskId): number {
    const { graph, store } = this.#options;
    this.#priorities ??= criticalPath({
      tasks: this.#open,
      downstream: (each) => graph.downstream(each),
      costMs: (each) => this.#costMs(each) ?? store.traces.ofTask(each, 1)[0]?.cost.wallMs,
    });
    return this.#priorities.get(id) ?? 0;
  }

  #costMs(id: TaskId): number | undefined {
    return this.#products.get(id)?.cost.wallMs ?? this.#options.memory?.costMs(id);
  }

  #hit(task: Task, product: Product, prepared: Prepared): Outcome {
    const { key, notes, cost } = product;
    this.#keep(task, product, prepared, { outcome: 'hit' });
    this.#emit({ type: 'taskHit', task: task.id, key, notes, savedMs: cost.wallMs });
    this.#display(task, product);
    return { state: 'hit', same: this.#isSame(task.id, product) };
  }

  #isSame(id: TaskId, { outputs }: Product): boolean {
    const before = this.#options.memory?.of(id)?.product.outputs;
    if (before === outputs) return true;
    return (
      before !== undefined &&
      Object.keys(outputs).every((name) => isSameOutput(outputs[name], before[name]))
    );
  }

  #ran(
    task: Task,
    { trace, changedOutputs }: Produced & { state: 'built' },
    changes: readonly Change[],
    prepared: Prepared,
  ): Outcome {
    const { key, cost } = trace;
    const outputs = digestsOf(trace);
    this.#read.push(...sourcesOf(prepared));
    const { wallMs, peakRssBytes } = cost;
    this.#keep(task, trace, prepared, { outcome: 'ran', changes, wallMs, peakRssBytes });
    this.#emit({
      type: 'taskRan',
      task: task.id,
      key,
      outputs,
      wallMs,
      peakRssBytes,
      changedOutputs,
    });
    this.#display(task, trace);
    return { state: 'ran', same: this.#isSame(task.id, trace) };
  }

  #keep(
    task: Task,
    product: Product,
    prepared: Prepared,
    more: Pick<TaskRecord, 'outcome'> & Partial<TaskRecord>,
  ): void {
    this.#products.set(task.id, product);
    this.#options.results?.set(task.id, { product, prepared });
    this.#artifacts.show(task, product, this.#shown(task.id));
    this.#records.push({
      task: task.id,
      key: product.key,
      params: task.params,
      outputs: digestsOf(product),
      ...(product.metrics === undefined ? {} : { metrics: product.metrics }),
      ...more,
    });
  }

  /** Outputs whose views nobody touched since they were put there. */
  #shown(id: TaskId): Product['outputs'] | undefined {
    const remembered = this.#options.memory?.of(id);
    return remembered?.isSure === true ? remembered.product.outputs : undefined;
  }

  #display(task: Task, { outputs }: Product): void {
    const { blobs } = this.#options.store;
    if (!this.#targets.has(task.id)) return;
    for (const { name, display, folder } of task.outputs) {
      const record = outputs[name];
      if (!display || folder || record === undefined) continue;
      const text = readFileSync(blobs.path(record.digest), 'utf8');
      this.#emit({ type: 'display', task: task.id, output: name, text });
    }
  }

  #mend(task: Task, found: Lookup & { state: 'lost' }): void {
    for (const { output, state, digest } of found.losses) {
      if (state === 'corrupt') this.#options.store.blobs.discard(digest);
      const message = `${task.id}: output ${output} is ${state} in the store; building it again`;
      this.#emit({ type: 'warning', message });
    }
  }

  #fail(task: Task, failure: Failure): Outcome {
    const { reason, message, hint } = failure;
    const logFile = this.#options.store.logs.of(this.#runId, task.id);
    this.#emit({
      type: 'taskFailed',
      task: task.id,
      reason,
      message,
      ...(hint === undefined ? {} : { hint }),
      ...(logFile === undefined ? {} : { logFile }),
    });
    if (reason === 'cancelled') {
      this.#records.push({ task: task.id, outcome: 'skipped', params: task.params, reason });
      return { state: 'skipped', because: this.#stopped?.because };
    }
    this.#records.push({ task: task.id, outcome: 'failed', params: task.params, reason });
    if (this.#options.keepGoing !== true) {
      this.#stopped ??= { because: task.id };
      for (const [id, stop] of this.#stops) {
        if (!this.running.has(id)) stop.abort(); // it waits for its turn, which will not come
      }
    }
    return { state: 'failed' };
  }

  #skip(id: TaskId, because: TaskId | undefined): Outcome {
    if (because !== undefined) this.#emit({ type: 'taskSkipped', task: id, because });
    this.#records.push({ task: id, outcome: 'skipped' });
    return { state: 'skipped', because };
  }

  /** Notes that only save work the next time are not worth failing for. */
  #note(write: () => void): void {
    try {
      write();
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (this.#toldOfFullDisk) return;
      this.#toldOfFullDisk = true;
      const message =
        'the disk is full: what saves work the next time, and this run’s record, may be lost';
      this.#emit({ type: 'warning', message });
    }
  }

  #conclude(): Summary {
    const { store, graph } = this.#options;
    const count = (outcome: TaskRecord['outcome']) =>
      this.#records.filter((record) => record.outcome === outcome).length;
    const summary: Summary = {
      type: 'summary',
      ran: count('ran'),
      hits: count('hit') + this.#standing.length,
      failed: count('failed'),
      skipped: count('skipped'),
      wallMs: Math.round(monotonicMs() - this.#startedMs),
    };
    const isWhole = this.#stopped === undefined && summary.failed + summary.skipped === 0;
    if (this.#options.prune === true && isWhole) {
      this.#artifacts.prune(graph.tasks.values());
    }
    this.#note(() => this.#artifacts.save());
    this.#note(() => store.files.save());
    const record = {
      runId: this.#runId,
      startedAt: this.#startedAt.toISOString(),
      targets: this.#options.targets,
      params: graph.pipeline.params,
      tasks: this.#records,
      ...this.#rest(),
      summary,
    };
    this.#note(() => store.runs.put(record));
    this.#emit(summary);
    return summary;
  }

  /** Of the tasks that stand it is on record what they were when they were last looked at. */
  #rest(): Pick<RunRecord, 'rest'> {
    const { memory } = this.#options;
    if (memory === undefined || this.#standing.length === 0) return {};
    return { rest: { of: memory.runId, tasks: this.#standing.length } };
  }
}

/** A full or read-only disk stops no build that has nothing to write. */
async function announced(store: Store, runId: string): Promise<Presence | undefined> {
  try {
    return await store.announce(runId);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (isDiskFull(error) || ['EROFS', 'EACCES', 'EPERM'].includes(code)) return undefined;
    throw error;
  }
}

function sourcesOf({ inputs }: Prepared): SourceDigest[] {
  return inputs.flatMap((input) =>
    input.kind === 'source' ? input.files.slice(0, MOST_READ) : [],
  );
}

function digestsOf(product: Product) {
  const pairs = Object.entries(product.outputs).map(
    ([name, { digest }]) => [name, digest] as const,
  );
  return Object.fromEntries(pairs);
}

const MOST_NAMED = 3;

/** The first few of the sources, as the user would type them. */
function shortened(sources: readonly string[], root: string): string {
  const named = sources
    .slice(0, MOST_NAMED)
    .map((each) => (isAbsolute(each) ? relative(root, each) : each));
  const more = sources.length - named.length;
  return named.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function restless(files: string): Failure {
  return {
    reason: 'input-changed',
    message: `${files} changed while the task read it, ${VOID_ROUNDS} times in a row`,
    hint: 'Wait until whatever writes these files is done.',
  };
}

/** The world's failures become events; anything else is a fault of ours and is thrown on. */
function failureFrom(error: unknown): Failure {
  if (error instanceof TaskFailure) return error.failure;
  if (error instanceof MissingInputError) return unreadable(error.message);
  const failure = worldFailure(error);
  if (failure !== undefined) return failure;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'ENOENT') return unreadable(message);
  throw error;
}

function unreadable(message: string): Failure {
  const reason: FailureReason = 'missing-input';
  return { reason, message, hint: 'Put the file there, or change `inputs:` of the stage.' };
}
