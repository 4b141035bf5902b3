/**
 * Builds, then builds again whenever something that the targets depend on changes. Knows no terminal
 * and no YAML: the caller loads the plan.
 *
 * A change cancels the running tasks that it touches directly. What lies behind them goes on, since
 * outputs may come out equal: it gives up its cpus, and is cancelled when the next build knows its
 * key and the key is another. If the key is the same, the next build waits for it as for any other
 * owner of the key.
 */
import { readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DiagnosticError } from '../diagnostic.ts';
import type { Key } from '../digest.ts';
import type { Emit, Event, TaskId } from '../event.ts';
import type { TaskGraph } from '../graph/task.ts';
import { isAbsence } from '../store/checked-file.ts';
import { openDeviceLocks } from '../store/device-locks.ts';
import { type BuildHandle, type BuildOptions, startBuild } from './build.ts';
import { machineCapacity, openSlots, type Slots } from './resources.ts';
import { behind, staleTasks } from './staleness.ts';
import { type Places, placesOf, unionOf, type WatchedFiles, watchFiles } from './watched-files.ts';

export interface WatchOptions extends Omit<BuildOptions, 'graph' | 'slots' | 'onKey' | 'signal'> {
  /** Reads the plan anew. Throws DiagnosticError while the user's files are wrong. */
  readonly load: () => Promise<TaskGraph>;
  readonly pipelineFile: string;
  /** Ends the watch; running tasks are cancelled. */
  readonly signal: AbortSignal;
}

const QUIET_MS = 100;
const PATIENCE_MS = 1_000;

/** Resolves when the signal aborts. */
export async function watch(options: WatchOptions, emit: Emit): Promise<void> {
  const session = new Session(options, emit);
  try {
    await session.start();
    while (!options.signal.aborted) await session.turn();
  } finally {
    await session.end();
  }
}

interface Started {
  readonly handle: BuildHandle;
  /** Drained once a later build has taken over: it speaks only for the tasks that still run. */
  readonly life: { drained: boolean };
  /** Tasks whose end was ordered and told. */
  readonly cancelled: Set<TaskId>;
}

class Session {
  readonly #options: WatchOptions;
  readonly #emit: Emit;
  readonly #slots: Slots;
  readonly #changed = new Set<string>();
  #wake: () => void = () => undefined;
  #graph: TaskGraph | undefined;
  #watched: WatchedFiles | undefined;
  #builds: Started[] = [];
  /** Changes that came while the user's files were wrong. */
  #pending: readonly string[] = [];
  #broken: DiagnosticError | undefined;
  #fault: unknown;
  /** Of each task, the key whose notes were said. */
  readonly #noted = new Map<TaskId, Key>();
  #isBlind = false;

  constructor(options: WatchOptions, emit: Emit) {
    this.#options = options;
    this.#emit = emit;
    this.#slots = openSlots(machineCapacity(options.jobs), openDeviceLocks());
    options.signal.addEventListener('abort', () => this.#wake(), { once: true });
  }

  async start(): Promise<void> {
    this.#graph = await this.#loadWatched();
    if (this.#graph !== undefined) this.#build(this.#graph);
  }

  /** Waits for a change and acts on it. */
  async turn(): Promise<void> {
    const changed = await this.#nextChange();
    if (this.#fault !== undefined) throw this.#fault;
    if (changed.length === 0) return;
    const files = [...new Set([...this.#pending, ...changed])].sort();
    const after = await this.#loadWatched();
    if (after === undefined) {
      this.#pending = files; // to be acted on once the files are mended
      return;
    }
    this.#pending = [];
    this.#act(after, files);
    this.#graph = after;
  }

  async end(): Promise<void> {
    await this.#watched?.close();
    for (const { handle } of this.#builds) handle.drain([...handle.running().keys()]);
    await Promise.allSettled(this.#builds.map(({ handle }) => handle.done));
  }

  /** What changed after the plan was read and before a new watcher was there is read once more. */
  async #loadWatched(): Promise<TaskGraph | undefined> {
    const graph = await this.#load();
    const isNew = await this.#watchPlaces(graph);
    return isNew ? this.#load(this.#broken) : graph;
  }

  /** Says nothing of what is as wrong as it was. */
  async #load(before?: DiagnosticError): Promise<TaskGraph | undefined> {
    this.#broken = undefined;
    try {
      return await this.#options.load();
    } catch (error) {
      if (isAbsence(error)) return undefined; // replaced just now: its coming back is a change
      if (!(error instanceof DiagnosticError)) throw error;
      this.#broken = error;
      const { diagnostics } = error;
      const isOld = JSON.stringify(diagnostics) === JSON.stringify(before?.diagnostics);
      if (!isOld) this.#emit({ type: 'diagnostics', diagnostics });
      return undefined;
    }
  }

  /**
   * True if there is a new watcher. It is ready before the old one goes: no change falls between
   * them. While there is no plan the old places are watched on, as they count again once it is back.
   */
  async #watchPlaces(graph: TaskGraph | undefined): Promise<boolean> {
    const before = this.#watched;
    const needed = graph === undefined ? this.#placesInNeed() : placesOf(graph);
    if (before?.covers(needed) === true) return false;
    const isLasting = graph === undefined && before !== undefined;
    const places = isLasting ? unionOf(before.places, needed) : needed;
    const root = dirname(resolve(this.#options.pipelineFile));
    this.#watched = await watchFiles(root, places, {
      onChange: (path) => this.#note(path),
      onError: (error) => this.#sayBlind(error),
    });
    await before?.close();
    this.#emit({ type: 'watching', files: this.#watched.count });
    return true;
  }

  #sayBlind(error: unknown): void {
    if (this.#isBlind) return;
    this.#isBlind = true;
    this.#emit({
      type: 'warning',
      message: `not everything can be watched (${(error as Error).message}): changes may be missed`,
      hint: 'On Linux raise fs.inotify.max_user_watches, or allow more open files (ulimit -n).',
    });
  }

  /** Without a plan: the pipeline file and whatever the diagnostics speak of, beside the old places. */
  #placesInNeed(): Places {
    const root = dirname(resolve(this.#options.pipelineFile));
    const named = this.#broken?.diagnostics.flatMap(({ file }) => file ?? []) ?? [];
    const folders = readdirSync(root, { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name === 'stages')
      .map((entry) => join(root, entry.name));
    const files = [this.#options.pipelineFile, ...named].map((file) => resolve(root, file));
    return { deep: new Set(files), whole: new Set(), code: new Set(folders) };
  }

  #note(path: string): void {
    this.#changed.add(path);
    this.#wake();
  }

  /** The files that changed, once nothing has changed for a moment; empty at the end of the watch. */
  async #nextChange(): Promise<string[]> {
    const { signal } = this.#options;
    await new Promise<void>((done) => {
      this.#wake = done;
      if (signal.aborted || this.#fault !== undefined || this.#changed.size > 0) done();
    });
    if (signal.aborted) return [];
    const endMs = Date.now() + PATIENCE_MS;
    for (let size = -1; size !== this.#changed.size && Date.now() < endMs; ) {
      size = this.#changed.size;
      await sleep(QUIET_MS);
    }
    const files = [...this.#changed];
    this.#changed.clear();
    return files;
  }

  #act(after: TaskGraph, files: readonly string[]): void {
    const before = this.#graph;
    const { targets, where } = this.#options;
    const { tasks } = after.closure(targets, where);
    const running = this.#builds.flatMap(({ handle }) => [...handle.running().keys()]);
    const asked = [...new Set([...tasks, ...running])];
    const stale =
      before === undefined ? [...tasks] : staleTasks({ before, after, files, tasks: asked });
    const cancelled = running.filter((id) => stale.includes(id));
    const shown = files.map((file) => relative(after.pipeline.root, file));
    this.#emit({ type: 'filesChanged', files: shown, stale, cancelled });
    if (stale.length === 0 && before !== undefined) return;
    const suspects = [...behind(after, stale)];
    for (const started of this.#builds) {
      started.life.drained = true;
      started.handle.drain(cancelled);
      for (const id of cancelled) started.cancelled.add(id);
      started.handle.yieldCpu(suspects);
    }
    this.#build(after, shown);
  }

  #build(graph: TaskGraph, files: readonly string[] = []): void {
    this.#slots.resizePools(graph.pipeline.pools ?? {});
    const leftovers = [...this.#builds];
    const onKey = (task: TaskId, key: Key) => this.#cancelOther(leftovers, files, task, key);
    const { load: _, pipelineFile: __, signal: ___, ...options } = this.#options;
    const life = { drained: false };
    const speak = (event: Event) => {
      if (!life.drained || isStillTrue(event)) this.#emit(this.#withNewNotes(event));
    };
    const handle = startBuild({ ...options, graph, slots: this.#slots, onKey }, speak);
    this.#builds.push({ handle, life, cancelled: new Set() });
    handle.done
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#builds = this.#builds.filter((each) => each.handle !== handle);
      });
  }

  /** A result's notes are said once, not again with every hit. */
  #withNewNotes(event: Event): Event {
    if (event.type !== 'taskHit' && event.type !== 'taskRan') return event;
    const isKnown = this.#noted.get(event.task) === event.key;
    this.#noted.set(event.task, event.key);
    return event.type === 'taskHit' && isKnown ? { ...event, notes: [] } : event;
  }

  /** The task now has another key than the process that still runs for it. */
  #cancelOther(
    leftovers: readonly Started[],
    files: readonly string[],
    task: TaskId,
    key: Key,
  ): void {
    for (const { handle, cancelled } of leftovers) {
      const other = handle.running().get(task);
      if (other === undefined || other === key || cancelled.has(task)) continue;
      cancelled.add(task);
      handle.drain([task]);
      this.#emit({ type: 'filesChanged', files, stale: [task], cancelled: [task] });
    }
  }

  #fail(error: unknown): void {
    this.#fault = error;
    this.#wake();
  }
}

/** What a build that was taken over may still say: it no longer speaks for the targets. */
function isStillTrue(event: Event): boolean {
  if (event.type === 'taskFailed') return event.reason !== 'cancelled';
  return !['summary', 'taskSkipped', 'display', 'runStarted'].includes(event.type);
}
