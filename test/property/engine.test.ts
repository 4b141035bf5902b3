/**
 * Random pipelines, edits, losses, failures and kills against an oracle that knows no engine. After
 * each build: every artifact is what a clean build makes, what had to run ran once, what did not
 * have to did not, and two tasks share a key exactly when the oracle says so.
 *
 * Here the engine runs in this process with a puppet for a shell. `npm run test:property` runs 2,000
 * cases, the ordinary run as many as a few seconds take; `command-line.test.ts` runs the same cases
 * through real processes.
 */
import { chmodSync, readdirSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it, vi } from 'vitest';
import type { Digest, Key } from '../../src/pipe/digest.ts';
import type { Event } from '../../src/pipe/event.ts';
import type { Store } from '../../src/pipe/store/store.ts';
import { eventsOf, type Outcome, openProject, type Project } from '../run/project.ts';
import {
  applyEdit,
  type Edit,
  type Expected,
  edits,
  expectedOf,
  type World,
  worlds,
  yamlOf,
} from './world.ts';

vi.mock('../../src/pipe/run/task-process.ts', async () => ({
  runProcess: (await import('./puppet.ts')).playShell,
}));

const CASES = process.env.PIPE_PROPERTY === 'all' ? 2_000 : 60;

type Loss = {
  readonly kind:
    | 'artifact-edited'
    | 'artifact-gone'
    | 'artifacts-gone'
    | 'blob-gone'
    | 'blob-flipped'
    | 'blob-cut'
    | 'trace-gone'
    | 'trace-cut'
    | 'index-gone'
    | 'touched';
  readonly at: number;
};
type Step =
  | { readonly do: 'edit'; readonly edit: Edit }
  | { readonly do: 'lose'; readonly loss: Loss }
  /** The first task that runs in the next build fails. */
  | { readonly do: 'fail'; readonly keepGoing: boolean }
  /** The next build is stopped when so many tasks have started. */
  | { readonly do: 'stop'; readonly after: number };

const losses: fc.Arbitrary<Loss> = fc.record({
  kind: fc.constantFrom(
    'artifact-edited',
    'artifact-gone',
    'artifacts-gone',
    'blob-gone',
    'blob-flipped',
    'blob-cut',
    'trace-gone',
    'trace-cut',
    'index-gone',
    'touched',
  ),
  at: fc.nat(20),
});
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant('edit' as const), edit: edits }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('lose' as const), loss: losses }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('fail' as const), keepGoing: fc.boolean() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        do: fc.constant('stop' as const),
        after: fc.integer({ min: 1, max: 3 }),
      }),
    },
  ),
  { maxLength: 6 },
);

/** What the oracle believes of the store. */
class Model {
  /** Oracle's key → the engine's. */
  readonly keys = new Map<string, Key>();
  /** Of results that the store should have: the blobs that they need. */
  readonly known = new Map<string, ReadonlySet<Digest>>();

  learn(expected: readonly Expected[], events: readonly Event[], store: Store): void {
    const byTask = new Map(expected.map((each) => [each.task, each.key]));
    for (const event of events) {
      if (event.type !== 'taskRan' && event.type !== 'taskHit') continue;
      const name = byTask.get(event.task) as string;
      const before = this.keys.get(name);
      if (before !== undefined) expect(event.key, `${event.task}: the key of ${name}`).toBe(before);
      this.keys.set(name, event.key);
      const trace = store.traces.get(event.key);
      const blobs = Object.values(trace?.outputs ?? {}).flatMap(({ kind, digest }) =>
        kind === 'file'
          ? [digest]
          : [digest, ...store.blobs.listing(digest).map((each) => each.digest)],
      );
      this.known.set(name, new Set(blobs));
    }
    expect(new Set(this.keys.values()).size, 'different inputs, different keys').toBe(
      this.keys.size,
    );
  }

  /** Names of the results of which a blob is not what it should be. */
  async broken(store: Store): Promise<Set<string>> {
    const found = new Set<string>();
    for (const [name, blobs] of this.known) {
      for (const digest of blobs) if ((await store.blobs.check(digest)) !== 'good') found.add(name);
    }
    return found;
  }
}

let builds = 0;
let cases = 0;

async function runCase(start: World, script: readonly Step[], jobs: number): Promise<void> {
  const project = openProject({});
  const home = process.env.HOME;
  process.env.HOME = project.root;
  const model = new Model();
  const past: World[] = [];
  let world = start;
  try {
    await settle(project, world, model, jobs);
    for (const step of script) {
      past.push(world);
      if (step.do === 'edit') world = applyEdit(world, step.edit, past);
      if (step.do === 'lose') lose(step.loss, project, model);
      if (step.do === 'fail')
        await interrupted(
          project,
          world,
          model,
          { failing: true, keepGoing: step.keepGoing },
          jobs,
        );
      if (step.do === 'stop')
        await interrupted(project, world, model, { stopAfter: step.after }, jobs);
      await settle(project, world, model, jobs);
    }
    cases += 1;
  } finally {
    process.env.HOME = home;
    project.remove();
  }
}

function lay(project: Project, world: World): void {
  for (const [at, value] of world.sources.entries()) project.write(`s${at}.txt`, `${value}\n`);
  rmSync(project.path('f'), { recursive: true, force: true });
  for (const [name, value] of Object.entries(world.files))
    project.write(`f/${name}.txt`, `${value}\n`);
  project.write('pipeline.yaml', yamlOf(world));
}

async function settle(project: Project, world: World, model: Model, jobs: number): Promise<void> {
  lay(project, world);
  const expected = expectedOf(world);
  const before = await demands(project, expected, model);
  const graph = await project.graph();
  const outcome = await project.build({ jobs, graph });
  builds += 2;
  expect(outcome.summary).toMatchObject({ failed: 0, skipped: 0 });
  checkRuns(outcome, expected, before, true);
  for (const each of expected) checkArtifact(project, each);
  model.learn(expected, outcome.events, project.store());
  const again = await project.build({ jobs, graph });
  expect(again.summary).toMatchObject({ ran: 0, failed: 0, skipped: 0, hits: expected.length });
  expect(eventsOf(again.events, 'warning')).toEqual([]);
}

/** Which results must be made, and which may be, since a part of them is lost. */
async function demands(project: Project, expected: readonly Expected[], model: Model) {
  const broken = await model.broken(project.store());
  const names = new Set(expected.map(({ key }) => key));
  const must = new Set([...names].filter((name) => !model.known.has(name)));
  return { must, may: new Set([...names].filter((name) => broken.has(name))) };
}

function checkRuns(
  { ran }: Pick<Outcome, 'ran'>,
  expected: readonly Expected[],
  { must, may }: { must: ReadonlySet<string>; may: ReadonlySet<string> },
  isWhole: boolean,
): void {
  const byTask = new Map(expected.map((each) => [each.task, each.key]));
  const made = ran.map((task) => byTask.get(task) as string);
  expect(made.length, `each result is made once: ${made}`).toBe(new Set(made).size);
  const needless = made.filter((name) => !must.has(name) && !may.has(name));
  expect(needless, 'ran though nothing had changed').toEqual([]);
  if (isWhole)
    expect(
      [...must].filter((name) => !made.includes(name)),
      'did not run',
    ).toEqual([]);
}

function checkArtifact(project: Project, { task, kind, value }: Expected): void {
  if (kind === 'folder') {
    expect(readdirSync(project.path(`artifacts/${task}/out`)).sort(), task).toEqual(['k', 'v']);
    expect(project.read(`artifacts/${task}/out/v`), task).toBe(`${value}\n`);
  } else {
    expect(project.read(`artifacts/${task}/out.txt`), task).toBe(`${value}\n`);
  }
}

/** A build that fails or is stopped: what it finished counts, and nothing else. */
async function interrupted(
  project: Project,
  world: World,
  model: Model,
  how: { failing?: boolean; keepGoing?: boolean; stopAfter?: number },
  jobs: number,
): Promise<void> {
  lay(project, world);
  const expected = expectedOf(world);
  const before = await demands(project, expected, model);
  if (how.failing === true) project.write('fail', '');
  const stop = new AbortController();
  const { handle, events } = await project.start({
    jobs,
    signal: stop.signal,
    keepGoing: how.keepGoing ?? false,
  });
  const watching = setInterval(() => {
    if (eventsOf(events, 'taskStarted').length >= (how.stopAfter ?? Number.POSITIVE_INFINITY))
      stop.abort();
  }, 1);
  const summary = await handle.done;
  clearInterval(watching);
  builds += 1;
  rmSync(project.path('fail'), { force: true });
  const ran = eventsOf(events, 'taskRan').map(({ task }) => task);
  checkRuns({ ran }, expected, before, false);
  if (how.failing === true && before.must.size > 0) expect(summary.failed).toBe(1);
  model.learn(expected, events, project.store());
}

function lose({ kind, at }: Loss, project: Project, model: Model): void {
  const store = project.store();
  const names = [...model.known.keys()];
  const name = names[at % names.length] as string;
  const key = model.keys.get(name) as Key;
  const blobs = [...(model.known.get(name) ?? [])];
  const blob = store.blobs.path(blobs[at % blobs.length] as Digest);
  const trace = join(store.layout.traces, key.slice(0, 2), `${key}.json`);
  const views = readdirSync(project.path('artifacts'), { recursive: true, withFileTypes: true });
  const files = views
    .filter((each) => each.isFile())
    .map((each) => join(each.parentPath, each.name));
  const view = files.sort()[at % files.length] as string;
  if (kind === 'artifact-edited') {
    unlinkSync(view);
    writeFileSync(view, 'edited\n');
  }
  if (kind === 'artifact-gone') unlinkSync(view);
  if (kind === 'artifacts-gone') rmSync(project.path('artifacts'), { recursive: true });
  if (kind === 'blob-gone') rmSync(blob, { force: true });
  if (kind === 'blob-flipped') damage(blob, (path) => writeFileSync(path, '9\n'));
  if (kind === 'blob-cut') damage(blob, (path) => truncateSync(path, 1));
  if (kind === 'trace-gone') rmSync(trace);
  if (kind === 'trace-cut') truncateSync(trace, 40 + at);
  if (kind === 'index-gone') rmSync(store.layout.index, { recursive: true });
  if (kind.startsWith('trace')) model.known.delete(name);
}

function damage(path: string, how: (path: string) => void): void {
  chmodSync(path, 0o644);
  how(path);
}

it(`holds for ${CASES} random histories`, { timeout: 3_600_000 }, async () => {
  await fc.assert(fc.asyncProperty(worlds, steps, fc.integer({ min: 1, max: 4 }), runCase), {
    numRuns: CASES,
    ...(process.env.PIPE_PROPERTY === 'all' ? {} : { seed: 4 }),
    ...(process.env.PIPE_SEED ? { seed: Number(process.env.PIPE_SEED) } : {}),
  });
});

afterAll(() => console.log(`property: ${cases} cases, ${builds} builds`));
