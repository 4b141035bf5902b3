/**
 * One `pipe run` between the answer that an earlier one left and the answer that it leaves: builds on
 * the tasks that are known where only sources changed, and writes down what it rests on.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Emit, Event, TaskId } from '../pipe/event.ts';
import { readManifest, stampOfMark } from '../pipe/fingerprint/manifest.ts';
import type { TaskGraph } from '../pipe/graph/task.ts';
import type { BuildOptions } from '../pipe/run/build.ts';
import { type Memory, memoryOf } from '../pipe/run/memory.ts';
import { patchFor, type Result, settle } from '../pipe/run/settle.ts';
import { settledPath, tasksPath } from '../pipe/run/settled.ts';
import type { Patch } from '../pipe/run/settled-entries.ts';
import { KIND, type SettledFile } from '../pipe/run/settled-file.ts';
import {
  graphOf,
  type HitText,
  type Product,
  readTasks,
  type SettledPlan,
} from '../pipe/run/settled-tasks.ts';
import { type FileStamp, isRacy, stampAt, stampOf } from '../pipe/store/file-stamp.ts';
import type { Store } from '../pipe/store/store.ts';
import { takeInspection } from './inspection.ts';
import { loadGraph, type Project } from './project.ts';
import { askedBy } from './question.ts';
import { hitLines } from './reporter/hit-lines.ts';
import { plainReporter } from './reporter/plain.ts';
import type { Repeated } from './reporter/reporter.ts';

type Display = Event & { readonly type: 'display' };

export interface Planned {
  readonly graph: TaskGraph;
  /** What stands of an earlier run of the same plan. */
  readonly memory?: Memory;
}

export class Settling {
  readonly #words: readonly string[];
  readonly #project: Project;
  readonly #inspection = takeInspection();
  readonly #results = new Map<TaskId, Result>();
  readonly #displays = new Map<TaskId, Display[]>();
  readonly #lookedAtMs = Date.now();
  readonly #pipelineStamp: FileStamp | undefined;
  #known: SettledPlan | undefined;
  #patch: Patch | undefined;
  #runId: string | undefined;

  constructor(project: Project, words: readonly string[]) {
    this.#project = project;
    this.#words = words;
    this.#pipelineStamp = stampAt(project.file);
  }

  /** The plan, from the pipeline file or as it was settled. Throws DiagnosticError. */
  async graph(sets: readonly string[]): Promise<Planned> {
    const inspection = this.#inspection;
    if (inspection?.samePlan === true) {
      const path = tasksPath(this.#path());
      const plan = readTasks(path, inspection.file.head.tasks, inspection.file.amended());
      if (plan !== undefined) {
        this.#known = plan;
        return { graph: graphOf(plan), memory: memoryOf(plan, inspection) };
      }
    }
    return { graph: await loadGraph(this.#project, sets) };
  }

  get results(): Map<TaskId, Result> {
    return this.#results;
  }

  /** What a run of hits said of these tasks. */
  repeat(tasks: readonly TaskId[]): Repeated {
    const [plan, inspection] = [this.#known, this.#inspection];
    if (plan === undefined || inspection === undefined) throw new Error('assert: nothing is known');
    const ranks = tasks.map((id) => plan.rank(id) as number);
    const said = plan.hitTexts(ranks, inspection.file);
    return {
      talk: () => said.talk().toString(),
      data: () => said.data().toString(),
      live: () => said.live().toString(),
      events: () => said.events().toString(),
    };
  }

  /** Passes events on, and keeps those that a run of hits would say again. */
  listen(emit: Emit): Emit {
    return (event) => {
      if (event.type === 'runStarted') this.#runId = event.runId;
      if (event.type === 'display') {
        this.#displays.set(event.task, [...(this.#displays.get(event.task) ?? []), event]);
      }
      emit(event);
    };
  }

  /** Call when there is time for it; everything else goes without. */
  prepare(store: Store): void {
    if (this.#inspection !== undefined && this.#known !== undefined) {
      this.#patch = patchFor(this.#inspection, store);
    }
  }

  /** Call when everything was found or built. */
  conclude(options: Pick<BuildOptions, 'graph' | 'targets' | 'where'>, store: Store): void {
    const { graph, targets: named, where } = options;
    const asked = askedBy(this.#words, process.cwd());
    if (asked === undefined || this.#runId === undefined) return;
    const { targets, tasks } = graph.closure(named, where);
    const inspection = this.#inspection;
    settle({
      question: asked.question,
      path: this.#path(),
      graph,
      targets,
      tasks,
      results: this.#results,
      store,
      artifactsFolder: this.#project.artifactsFolder,
      plan: () => this.#planFiles(graph),
      ...(inspection === undefined || this.#known === undefined
        ? {}
        : {
            before: {
              inspection,
              plan: this.#known,
              ...(this.#patch === undefined ? {} : { patch: this.#patch }),
            },
          }),
      text: (id, product) => this.#hitText(id, product),
      runId: this.#runId,
    });
  }

  #path(): string {
    const { file, cacheFolder } = this.#project;
    return settledPath(cacheFolder, { words: this.#words, file, conditions: {} });
  }

  /** Undefined where one may have changed since it was read, without its times telling. */
  #planFiles(graph: TaskGraph): ReadonlyMap<string, FileStamp | undefined> | undefined {
    const inspection = this.#inspection;
    if (inspection !== undefined && this.#known !== undefined) return planEntries(inspection.file);
    const stamp = this.#pipelineStamp;
    if (stamp === undefined || isRacy(stamp, this.#lookedAtMs)) return undefined;
    const own = ownFiles();
    const code = codeFiles(graph, join(this.#project.cacheFolder, 'code'));
    if (own === undefined || code === undefined) return undefined;
    return new Map([[this.#project.file, stamp], ...own, ...code]);
  }

  #hitText(id: TaskId, { key, notes, cost }: Product): HitText {
    const hit = { type: 'taskHit', task: id, key, notes, savedMs: cost.wallMs } as const;
    const events: Event[] = [hit, ...(this.#displays.get(id) ?? [])];
    const said = { talk: '', data: '' };
    const plain = plainReporter(
      {
        err: (text) => {
          said.talk += text;
        },
        out: (text) => {
          said.data += text;
        },
      },
      () => 0,
    );
    for (const event of events) plain.emit(event);
    plain.close();
    const lines = events.map((event) => `${JSON.stringify(event)}\n`);
    return { ...said, live: hitLines(hit), events: lines.join('') };
  }
}

type Files = [string, FileStamp | undefined][];

/** Found to be as they were. */
function planEntries({
  count,
  kinds,
  paths,
  stamps,
}: SettledFile): Map<string, FileStamp | undefined> {
  const files: Files = [];
  for (let entry = 0; entry < count; entry += 1) {
    const path = paths[entry] as string;
    if (kinds[entry] === KIND.planAbsent) files.push([path, undefined]);
    if (kinds[entry] !== KIND.plan) continue;
    const [size = 0, mtimeMs = 0, ctimeMs = 0, inode = 0] = stamps.subarray(
      entry * 4,
      entry * 4 + 4,
    );
    files.push([path, { size, mtimeMs, ctimeMs, inode }]);
  }
  return new Map(files);
}

/** The sources of the bundle that runs; undefined where they are newer than it. */
function ownFiles(): Files | undefined {
  const dist = import.meta.dirname;
  const root = dirname(dist);
  const list = join(dist, 'stamp.json');
  const listed = stampAt(list);
  if (listed === undefined) return undefined;
  if (basename(dirname(root)) === 'node_modules') return [[list, listed]];
  const sources = JSON.parse(readFileSync(list, 'utf8')) as {
    path: string;
    size: number;
    mtimeMs: number;
  }[];
  const files: Files = [[list, listed]];
  for (const { path, size, mtimeMs } of sources) {
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    if (stat?.size !== size || stat.mtimeMs !== mtimeMs) return undefined;
    files.push([join(root, path), stampOf(stat)]);
  }
  return files;
}

/** What the bundles were made from, as it was then, and the bundles; undefined where that is not known. */
function codeFiles(graph: TaskGraph, folder: string): Files | undefined {
  const { modules } = readManifest(folder);
  const uses = new Set(
    graph.pipeline.stages.flatMap(({ body }) => (body.kind === 'module' ? [body.use] : [])),
  );
  const files: Files = [];
  for (const use of uses) {
    const remembered = modules[resolve(graph.pipeline.root, use)];
    if (remembered === undefined) return undefined;
    for (const [path, mark] of Object.entries(remembered.files)) {
      files.push([path, stampOfMark(mark)]);
    }
    for (const extension of ['mjs', 'json']) {
      const path = join(folder, `${remembered.digest}.${extension}`);
      files.push([path, stampAt(path)]);
    }
  }
  return files;
}
