/**
 * What a build would do, without doing it: a decision for each task of the closure. Knows no
 * process and changes nothing in the store but the stat index.
 */
import type { Emit, Summary, TaskId } from '../event.ts';
import type { Task, TaskGraph } from '../graph/task.ts';
import { isDiskFull } from '../store/atomic-file.ts';
import type { Store } from '../store/store.ts';
import type { Trace } from '../store/trace.ts';
import { changesFor, lookup, recent } from './lookup.ts';
import { MissingInputError, prepare } from './prepare.ts';

export interface DecideOptions {
  readonly graph: TaskGraph;
  readonly store: Store;
  readonly targets: readonly string[];
  readonly where?: { readonly [axis: string]: string };
  readonly force?: boolean;
  readonly backend?: string;
}

/**
 * Emits `taskDecided` for each task, upstream first. In the result, `ran` counts the tasks that
 * would run, `hits` the hits and `skipped` those that only become known when others have run.
 */
export async function decide(options: DecideOptions, emit: Emit): Promise<Summary> {
  const startedMs = performance.now();
  const { targets, tasks } = options.graph.closure(options.targets, options.where);
  const decider = new Decider(options, new Set(targets), emit);
  for (const id of tasks) await decider.decide(id);
  try {
    options.store.files.save();
  } catch (error) {
    if (!isDiskFull(error)) throw error; // the next look takes longer, no worse
  }
  return {
    type: 'summary',
    ran: decider.count('run'),
    hits: decider.count('hit'),
    failed: 0,
    skipped: decider.count('unknown'),
    wallMs: Math.round(performance.now() - startedMs),
  };
}

type Decision = 'hit' | 'run' | 'unknown';

class Decider {
  readonly #options: DecideOptions;
  readonly #targets: ReadonlySet<TaskId>;
  readonly #emit: Emit;
  readonly #decisions = new Map<TaskId, Decision>();
  readonly #traces = new Map<TaskId, Trace>();

  constructor(options: DecideOptions, targets: ReadonlySet<TaskId>, emit: Emit) {
    this.#options = options;
    this.#targets = targets;
    this.#emit = emit;
  }

  count(decision: Decision): number {
    return [...this.#decisions.values()].filter((each) => each === decision).length;
  }

  async decide(id: TaskId): Promise<void> {
    const { graph } = this.#options;
    const task = graph.tasks.get(id) as Task;
    const unsettled = graph.upstream(id).filter((each) => !this.#traces.has(each));
    if (unsettled.length > 0) this.#say(task, 'unknown', [], unsettled);
    else await this.#decideReady(task);
  }

  async #decideReady(task: Task): Promise<void> {
    const { store, force = false } = this.#options;
    const forced = force && this.#targets.has(task.id);
    const prepared = await this.#prepare(task);
    if (prepared === undefined) return this.#say(task, 'unknown', [], []);
    const found = await lookup(store, prepared.key);
    if (found.state === 'hit' && !forced) {
      this.#traces.set(task.id, found.trace);
      return this.#say(task, 'hit', [], []);
    }
    return this.#say(
      task,
      'run',
      changesFor(store, { task, prepared, found, forced }, recent(store, task)),
      [],
    );
  }

  async #prepare(task: Task) {
    const settled = (id: TaskId) => this.#traces.get(id) as Trace;
    try {
      return await prepare(task, { ...this.#options, settled });
    } catch (error) {
      if (!(error instanceof MissingInputError)) throw error;
      this.#emit({ type: 'warning', message: `${task.id}: ${error.message}` });
      return undefined;
    }
  }

  #say(
    task: Task,
    decision: Decision,
    changes: ReturnType<typeof changesFor>,
    unsettled: readonly TaskId[],
  ): void {
    this.#decisions.set(task.id, decision);
    const expected = decision === 'hit' ? 0 : this.#expectedMs(task.id);
    this.#emit({
      type: 'taskDecided',
      task: task.id,
      decision,
      changes,
      unsettled,
      ...(expected === undefined ? {} : { forecastMs: expected }),
    });
  }

  /** What the task cost the last time. */
  #expectedMs(id: TaskId): number | undefined {
    return this.#options.store.traces.ofTask(id, 1)[0]?.cost.wallMs;
  }
}
