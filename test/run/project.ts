/**
 * A project in a temporary folder, driven through the real plan and the real engine: what the tests
 * of src/pipe/run stand on. Stages are written as text and bundled like a user's.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buildSync } from 'esbuild';
import { loadPipeline } from '../../src/pipe/config/load.ts';
import type { Event, Summary } from '../../src/pipe/event.ts';
import { loadStageCode } from '../../src/pipe/fingerprint/stage-code.ts';
import { buildGraph } from '../../src/pipe/graph/build.ts';
import type { TaskGraph } from '../../src/pipe/graph/task.ts';
import { type BuildHandle, type BuildOptions, startBuild } from '../../src/pipe/run/build.ts';
import { openStore, type Store } from '../../src/pipe/store/store.ts';

const REPOSITORY = resolve(import.meta.dirname, '../..');

export interface Outcome {
  readonly summary: Summary;
  readonly events: readonly Event[];
  /** Ids of the tasks that ran, in order of their end. */
  readonly ran: readonly string[];
}

export type Options = Partial<BuildOptions>;

export interface Project {
  readonly root: string;
  path(name: string): string;
  write(name: string, text: string): void;
  read(name: string): string;
  store(): Store;
  graph(): Promise<TaskGraph>;
  options(more?: Options): Promise<BuildOptions>;
  start(more?: Options): Promise<{ handle: BuildHandle; events: Event[] }>;
  build(more?: Options): Promise<Outcome>;
  remove(): void;
}

let hostPath: string | undefined;

/** The child entry, bundled once a test file as the build script bundles it. */
export function hostBundle(): string {
  if (hostPath !== undefined) return hostPath;
  const folder = mkdtempSync(join(tmpdir(), 'pipe-host-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  hostPath = join(folder, 'host.mjs');
  bundle('src/pipe/run/host.ts', hostPath);
  return hostPath;
}

/** `external` leaves packages to be found beside the bundle. */
export function bundle(entry: string, outfile: string, external = false): void {
  buildSync({
    entryPoints: [join(REPOSITORY, entry)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: external ? 'external' : 'bundle',
    absWorkingDir: REPOSITORY,
  });
}

export function stage(body: string): string {
  const module = join(REPOSITORY, 'src/pipe/stage.ts');
  return `import { defineStage, StageError, Type } from '${module}';\n${body}`;
}

export function openProject(files: Readonly<Record<string, string>>, parent = tmpdir()): Project {
  const root = mkdtempSync(join(parent, 'pipe-project-'));
  const path = (name: string) => join(root, name);
  const store = () => openStore(path('cache'));
  const graph = async () => {
    const pipeline = await loadPipeline(path('pipeline.yaml'));
    return buildGraph(pipeline, await loadStageCode(pipeline, path('cache')));
  };
  const options = async (more: Options = {}) => ({
    graph: more.graph ?? (await graph()),
    store: store(),
    artifactsFolder: path('artifacts'),
    targets: [],
    hostPath: hostBundle(),
    jobs: 2,
    ...more,
  });
  const start = async (more: Options = {}) => {
    const events: Event[] = [];
    const handle = startBuild(await options(more), (event) => events.push(event));
    return { handle, events };
  };
  const project: Project = {
    root,
    path,
    write(name, text) {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), text);
    },
    read: (name) => readFileSync(path(name), 'utf8'),
    store,
    graph,
    options,
    start,
    async build(more = {}) {
      const { handle, events } = await start(more);
      const summary = await handle.done;
      return { summary, events, ran: namesOf(events, 'taskRan') };
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
  for (const name of ['node_modules', 'package-lock.json']) {
    symlinkSync(join(REPOSITORY, name), path(name));
  }
  for (const [name, text] of Object.entries(files)) project.write(name, text);
  return project;
}

export function eventsOf<Type extends Event['type']>(
  events: readonly Event[],
  type: Type,
): readonly (Event & { readonly type: Type })[] {
  return events.filter((event): event is Event & { type: Type } => event.type === type);
}

function namesOf(events: readonly Event[], type: 'taskRan'): string[] {
  return eventsOf(events, type).map(({ task }) => task);
}

/** Looks every few milliseconds until `condition` holds. */
export async function until(condition: () => boolean, limitMs = 20_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`waited ${limitMs} ms in vain for ${condition}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}
