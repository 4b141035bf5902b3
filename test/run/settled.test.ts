/**
 * A question that was answered before: the first look says "nothing changed" only where the ordinary
 * way would find every task again and every view as it should be.
 */
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { TaskId } from '../../src/pipe/event.ts';
import type { TaskGraph } from '../../src/pipe/graph/task.ts';
import { type Memory, memoryOf } from '../../src/pipe/run/memory.ts';
import { putBack } from '../../src/pipe/run/put-back.ts';
import { type Result, settle } from '../../src/pipe/run/settle.ts';
import {
  type Inspection,
  inspect,
  isPuttingBack,
  settledPath,
  tasksPath,
} from '../../src/pipe/run/settled.ts';
import { decodeSettled, type SettledFile } from '../../src/pipe/run/settled-file.ts';
import { graphOf, readTasks, type SettledPlan } from '../../src/pipe/run/settled-tasks.ts';
import { stampAt } from '../../src/pipe/store/file-stamp.ts';
import { eventsOf, openProject, type Project } from './project.ts';

/** What a hit of a task says, which tells what it made. */
const textOf = (id: TaskId, key: string) => ({
  talk: `${id} ${key}\n`,
  data: '',
  live: `[32m${id}[39m ${key}\n`,
  events: `{"task":"${id}"}\n`,
});

const PIPELINE = `version: 1
stages:
  first: { cmd: "cat \${inputs.a} | head -c 1 > \${outputs.o}", inputs: { a: a.txt }, outputs: { o: o.txt } }
  many: { cmd: "cat \${inputs.all} > \${outputs.o}", inputs: { all: "data/**/*.txt" }, outputs: { o: o.txt } }
  folder: { cmd: "mkdir \${outputs.f}/e; cp \${inputs.f}/x.txt \${outputs.f}/y.txt", inputs: { f: whole }, outputs: { f: f/ } }
  last: { cmd: "cat \${inputs.a} \${inputs.b} > \${outputs.o}", inputs: { a: first.o, b: many.o }, outputs: { o: o.txt }, env: [SETTLED_TEST] }
`;

let project: Project;
afterEach(() => {
  delete process.env.SETTLED_TEST;
  project.remove();
});

function openAged(): Project {
  const opened = openProject({
    'pipeline.yaml': PIPELINE,
    'a.txt': 'a1\n',
    'data/one.txt': '1\n',
    'data/deep/two.txt': '2\n',
    'whole/x.txt': 'x\n',
  });
  for (const name of [
    'pipeline.yaml',
    'a.txt',
    'data/one.txt',
    'data/deep/two.txt',
    'whole/x.txt',
    'data',
    'data/deep',
    'whole',
  ]) {
    age(opened.path(name));
  }
  return opened;
}

/** As if it had been written some minutes ago. */
function age(path: string): void {
  const then = Date.now() / 1000 - 300;
  utimesSync(path, then, then);
}

function asked(at: Project) {
  return { words: ['run'], file: at.path('pipeline.yaml'), conditions: { node: 'test' } };
}

function look(at: Project): Inspection | undefined {
  return inspect(at.path('cache'), asked(at), process.env);
}

interface Turn {
  readonly ran: readonly string[];
  readonly warnings: readonly string[];
  /** Tasks that were asked what they would say. */
  readonly said: readonly string[];
}

let turns = 0;

/** A run as the command line makes it: on what is remembered where the plan is the same. */
async function turn(at: Project, useMemory = true): Promise<Turn> {
  const inspection = useMemory ? look(at) : undefined;
  const path = settledPath(at.path('cache'), asked(at));
  let graph: TaskGraph | undefined;
  let memory: Memory | undefined;
  let plan: SettledPlan | undefined;
  if (inspection?.samePlan === true) {
    plan = readTasks(tasksPath(path), inspection.file.head.tasks, inspection.file.amended());
    if (plan !== undefined) {
      graph = graphOf(plan);
      memory = memoryOf(plan, inspection);
    }
  }
  const stamp = stampAt(at.path('pipeline.yaml'));
  graph ??= await at.graph();
  const said: string[] = [];
  const results = new Map<TaskId, Result>();
  const { summary, events, ran } = await at.build({
    graph,
    results,
    ...(memory === undefined ? {} : { memory }),
  });
  expect(summary).toMatchObject({ failed: 0, skipped: 0 });
  const closure = graph.closure([]);
  settle({
    question: asked(at),
    path,
    graph,
    ...closure,
    results,
    store: at.store(),
    artifactsFolder: at.path('artifacts'),
    plan: () => new Map([[at.path('pipeline.yaml'), stamp]]),
    ...(inspection === undefined || plan === undefined ? {} : { before: { inspection, plan } }),
    text: (id, { key }) => {
      said.push(id);
      return textOf(id, key);
    },
    runId: `run ${String(turns++)}`,
  });
  return { ran, warnings: eventsOf(events, 'warning').map(({ message }) => message), said };
}

function planOf(at: Project, { head, amended }: SettledFile): SettledPlan {
  const path = tasksPath(settledPath(at.path('cache'), asked(at)));
  return readTasks(path, head.tasks, amended()) as SettledPlan;
}

const stands = (at: Project) => look(at)?.changed.length === 0;

describe('the first look', () => {
  it('knows nothing before the first run, and that nothing changed after it', async () => {
    project = openAged();
    expect(look(project)).toBeUndefined();
    expect((await turn(project)).ran).toHaveLength(4);
    expect(stands(project)).toBe(true);
    const key = project.store().traces.ofTask('last', 1)[0]?.key;
    expect(look(project)?.file.talk.toString().split('\n')).toContain(`last ${key}`);
  });

  it.each<readonly [string, (at: Project) => void]>([
    [
      'a source of the same size and age',
      (at) => {
        writeFileSync(at.path('a.txt'), 'b1\n');
        age(at.path('a.txt'));
      },
    ],
    ['a new file that a glob means', (at) => at.write('data/deep/new.txt', 'n')],
    ['a new folder below a glob', (at) => mkdirSync(at.path('data/more'))],
    ['a file that a glob meant and is gone', (at) => rmSync(at.path('data/one.txt'))],
    [
      'a source behind a link that leads elsewhere',
      (at) => {
        rmSync(at.path('a.txt'));
        symlinkSync('whole/x.txt', at.path('a.txt'));
      },
    ],
    ['an empty folder in a folder input', (at) => mkdirSync(at.path('whole/empty'))],
    ['the pipeline file', (at) => appendFileSync(at.path('pipeline.yaml'), '\n')],
    [
      'an edited view',
      (at) => {
        unlinkSync(at.path('artifacts/last/o.txt'));
        at.write('artifacts/last/o.txt', 'edited');
      },
    ],
    [
      'a view written through',
      (at) => {
        chmodSync(at.path('artifacts/last/o.txt'), 0o644);
        writeFileSync(at.path('artifacts/last/o.txt'), 'other');
      },
    ],
    ['a deleted view', (at) => rmSync(at.path('artifacts/last'), { recursive: true })],
    ['a strange file in a folder output', (at) => at.write('artifacts/folder/f/strange.txt', 's')],
    [
      'a removed empty folder of an output',
      (at) => rmSync(at.path('artifacts/folder/f/e'), { recursive: true }),
    ],
    ['a lost blob', (at) => rmSync(blobOf(at, 'last'))],
    ['a lost trace', (at) => rmSync(join(at.store().layout.traces, traceOf(at, 'last')))],
    [
      'a declared variable',
      () => {
        process.env.SETTLED_TEST = 'set';
      },
    ],
  ])('sees %s', async (_, change) => {
    project = openAged();
    await turn(project);
    expect(stands(project)).toBe(true);
    change(project);
    expect(stands(project)).not.toBe(true);
    await turn(project);
    expect(stands(project)).toBe(true);
    expect(readFileSync(project.path('artifacts/first/o.txt'), 'utf8')).toBe(
      readFileSync(project.path('a.txt'), 'utf8').slice(0, 1),
    );
    expect(readdirSync(project.path('artifacts/folder/f')).sort()).toEqual(['e', 'y.txt']);
    // What the ordinary way, which remembers nothing, finds after it.
    expect((await turn(project, false)).ran).toEqual([]);
  });

  it('asks anew under other words, another pipeline and other conditions', async () => {
    project = openAged();
    await turn(project);
    const question = asked(project);
    const cache = project.path('cache');
    expect(inspect(cache, { ...question, words: ['run', 'last'] }, {})).toBeUndefined();
    expect(inspect(cache, { ...question, conditions: { node: 'next' } }, {})).toBeUndefined();
    expect(inspect(cache, { ...question, conditions: {} }, {})).toBeUndefined();
  });

  it('compares the content of what was too young to be told by its times', async () => {
    project = openAged();
    const path = project.path('a.txt');
    writeFileSync(path, 'b1\n');
    await turn(project);
    const file = look(project)?.file;
    const racy = file?.head.racy.map(([entry]) => file.paths[entry]);
    expect(racy).toContain(path);
    expect(racy).not.toContain(project.path('data/one.txt'));
    expect(stands(project)).toBe(true);
  });

  it('takes a file cut at any length, or with a flipped bit, for none', async () => {
    project = openAged();
    await turn(project);
    const path = settledPath(project.path('cache'), asked(project));
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 7) {
      expect(decodeSettled(whole.subarray(0, length))).toBeUndefined();
    }
    for (let bit = 64 * 8; bit < whole.length * 8; bit += 301) {
      const flipped = Buffer.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeSettled(flipped)).toBeUndefined();
    }
    truncateSync(path, 100);
    expect(look(project)).toBeUndefined();
    expect((await turn(project)).ran).toEqual([]);
  });
});

it('keeps fifty answers at most, the newest', async () => {
  project = openAged();
  await turn(project);
  const folder = project.path('cache/plan');
  for (let at = 0; at < 60; at += 1) {
    project.write(`cache/plan/settled-${at}.bin`, '');
    project.write(`cache/plan/settled-${at}.tasks`, '');
    age(join(folder, `settled-${at}.bin`));
  }
  await turn(project, false);
  const left = readdirSync(folder).filter((name) => name.endsWith('.bin'));
  expect(left).toHaveLength(36);
  expect(stands(project)).toBe(true);
});

describe('a run on what is remembered', () => {
  it('runs what reads the change, and stops where outputs come out equal', async () => {
    project = openAged();
    await turn(project);
    project.write('a.txt', 'a2\n'); // the first letter is the same
    expect((await turn(project)).ran).toEqual(['first']);
    project.write('a.txt', 'b2\n');
    expect((await turn(project)).ran).toEqual(['first', 'last']);
    expect(project.read('artifacts/last/o.txt')).toBe('b2\n1\n');
  });

  it('asks a task whose views were put back for nothing: it would say what it said', async () => {
    project = openAged();
    await turn(project);
    rmSync(project.path('artifacts/folder'), { recursive: true });
    project.write('data/new.txt', 'n\n'); // other files decide now: all is written down anew
    const { ran, said } = await turn(project);
    expect(ran).toEqual(['many', 'last']);
    expect(said).toEqual(['many', 'last']);
    const key = project.store().traces.ofTask('folder', 1)[0]?.key;
    expect(look(project)?.file.talk.toString()).toContain(`folder ${key}\n`);
  });

  it('ends with the fault where views cannot be put back after another task ran; then mends', async () => {
    project = openAged();
    await turn(project);
    project.write('a.txt', 'a3\n'); // the first letter is the same: last is recalled once first has run
    rmSync(project.path('artifacts/last'), { recursive: true });
    project.write('artifacts/last', 'a file where its folder was');
    await expect(turn(project)).rejects.toMatchObject({ path: project.path('artifacts/last') });
    rmSync(project.path('artifacts/last'));
    expect((await turn(project)).ran).toEqual([]); // what had run was kept
    expect(project.read('artifacts/last/o.txt')).toBe('a2\n1\n');
  });

  it('restores views without running anything', async () => {
    project = openAged();
    await turn(project);
    rmSync(project.path('artifacts'), { recursive: true });
    expect((await turn(project)).ran).toEqual([]);
    expect(project.read('artifacts/last/o.txt')).toBe('a2\n1\n');
    expect(existsSync(project.path('artifacts/folder/f/e'))).toBe(true);
  });
});

describe('views that are missing, and nothing else', () => {
  const VIEWS = ['first', 'many', 'last'].map((task) => `artifacts/${task}/o.txt`);
  const remove = () => {
    for (const view of VIEWS) rmSync(project.path(view));
  };
  const putBackNow = () => {
    const inspection = look(project) as Inspection;
    expect(isPuttingBack(inspection)).toBe(true);
    return putBack(inspection, planOf(project, inspection.file));
  };

  it('are put back, as they were, without a build', async () => {
    project = openAged();
    await turn(project);
    project.write('a.txt', 'b1\n');
    await turn(project); // some of it is amended
    remove();
    rmSync(project.path('artifacts/many'), { recursive: true });
    expect([...(putBackNow() ?? [])].sort()).toEqual(
      VIEWS.map((each) => project.path(each)).sort(),
    );
    expect(stands(project)).toBe(true);
    expect(project.read('artifacts/last/o.txt')).toBe('b2\n1\n');
    expect(statSync(project.path('artifacts/many/o.txt')).ino).toBe(
      statSync(blobOf(project, 'many')).ino,
    );
  });

  it.each<[string, () => void]>([
    [
      'a blob that was written to',
      () => {
        const blob = blobOf(project, 'many');
        chmodSync(blob, 0o644);
        appendFileSync(blob, 'more');
      },
    ],
    [
      'a blob in the place of another',
      () => {
        const blob = blobOf(project, 'many');
        const text = readFileSync(blob);
        rmSync(blob);
        writeFileSync(blob, text);
        age(dirname(blob));
      },
    ],
    ['a file where a view was', () => project.write(VIEWS[2] as string, 'mine')],
    [
      'a file where its folder was',
      () => {
        rmSync(project.path('artifacts/last'), { recursive: true });
        project.write('artifacts/last', 'mine');
      },
    ],
  ])('are left to a build: %s', async (_, harm) => {
    project = openAged();
    await turn(project);
    remove();
    harm();
    const inspection = look(project) as Inspection;
    const puts = isPuttingBack(inspection);
    expect(
      puts ? putBack(inspection, planOf(project, inspection.file)) : undefined,
    ).toBeUndefined();
    if (statSync(project.path('artifacts/last')).isFile()) rmSync(project.path('artifacts/last'));
    await turn(project);
    expect(project.read('artifacts/last/o.txt')).toBe('a2\n1\n');
  });

  it('are more than views where a folder of outputs is missing', async () => {
    project = openAged();
    await turn(project);
    rmSync(project.path('artifacts/folder'), { recursive: true });
    expect(isPuttingBack(look(project) as Inspection)).toBe(false);
  });
});

/** Edits that leave a project which can be built. */
const edits = fc.constantFrom<(at: Project, value: number) => void>(
  (at, value) => at.write('a.txt', `${value}\n`),
  (at, value) => at.write('data/one.txt', `${value}\n`),
  (at, value) => at.write(`data/n${value}.txt`, 'n\n'),
  (at, value) => rmSync(at.path(`data/n${value}.txt`), { force: true }),
  (at, value) => at.write('whole/x.txt', `${value}\n`),
  (at, value) => at.write('pipeline.yaml', `${PIPELINE}# ${value}\n`),
  (at) => rmSync(at.path('artifacts/many'), { recursive: true, force: true }),
  (at) => rmSync(blobOf(at, 'many'), { force: true }),
  (at) => rmSync(blobOf(at, 'first'), { force: true }),
  (at) => rmSync(join(at.store().layout.traces, traceOf(at, 'folder')), { force: true }),
  (_, value) => {
    process.env.SETTLED_TEST = String(value);
  },
  () => undefined,
);

describe('any edits', () => {
  it('are never answered with "nothing changed" where something did', {
    timeout: 60_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(edits, fc.nat(2)), { minLength: 1, maxLength: 5 }),
        async (steps) => {
          const at = openAged();
          try {
            await turn(at);
            for (const [edit, value] of steps) {
              edit(at, value);
              const seen = look(at);
              if (seen !== undefined && isPuttingBack(seen)) putBack(seen, planOf(at, seen.file));
              const stood = stands(at);
              const { ran, warnings } = await turn(at, !stood);
              if (stood) expect({ ran, warnings }).toEqual({ ran: [], warnings: [] });
              expect((await turn(at, false)).ran).toEqual([]);
              expect(at.read('artifacts/first/o.txt')).toBe(at.read('a.txt').slice(0, 1));
              expect(at.read('artifacts/folder/f/y.txt')).toBe(at.read('whole/x.txt'));
            }
          } finally {
            delete process.env.SETTLED_TEST;
            at.remove();
          }
        },
      ),
      { numRuns: 12, seed: 4 },
    );
    project = openProject({});
  });
});

function traceOf(at: Project, task: string): string {
  const key = at.store().traces.ofTask(task, 1)[0]?.key ?? '';
  return join(key.slice(0, 2), `${key}.json`);
}

function blobOf(at: Project, task: string): string {
  const outputs = at.store().traces.ofTask(task, 1)[0]?.outputs ?? {};
  const digest = Object.values(outputs)[0]?.digest;
  return digest === undefined ? join(dirname(at.root), 'none') : at.store().blobs.path(digest);
}

it('amends what it knows, a few tasks at a time or all of them, and says of each what it made last', async () => {
  const cells = Array.from({ length: 70 }, (_, index) => index);
  project = openProject({
    'pipeline.yaml': `version: 1
stages:
  each:
    matrix: { n: [${cells.join(', ')}] }
    cmd: "cat \${inputs.a} > \${outputs.o}"
    inputs: { a: "data/\${matrix.n}.txt" }
    outputs: { o: o.txt }
`,
    ...Object.fromEntries(cells.map((cell) => [`data/${cell}.txt`, `${cell}\n`])),
  });
  age(project.path('pipeline.yaml'));
  for (const cell of cells) age(project.path(`data/${cell}.txt`));
  expect((await turn(project)).ran).toHaveLength(70);
  const path = settledPath(project.path('cache'), asked(project));
  for (const [round, count] of [1, 5, 70, 3, 0].entries()) {
    const edited = cells.slice(0, count);
    for (const cell of edited) project.write(`data/${cell}.txt`, `${cell} in round ${round}\n`);
    const { ran, warnings } = await turn(project);
    expect([...ran].sort()).toEqual(edited.map((cell) => `each@${cell}`).sort());
    expect(warnings).toEqual([]);
    expect(stands(project)).toBe(true);
    const file = look(project)?.file;
    const plan = file && readTasks(tasksPath(path), file.head.tasks, file.amended());
    const keys = cells.map((cell) => [
      `each@${cell}`,
      project.store().traces.ofTask(`each@${cell}`, 1)[0]?.key,
    ]);
    expect(file?.talk.toString()).toBe(keys.map(([id, key]) => `${id} ${key}\n`).join(''));
    expect(plan?.events.toString().split('\n')).toHaveLength(71);
    expect(plan?.keys.toString()).toBe(keys.map(([, key]) => `${key}\n`).join(''));
    expect(plan?.ids.map((_, rank) => plan.product(rank).key)).toEqual(keys.map(([, key]) => key));
    const views = plan?.ids.flatMap((_, rank) => [...plan.views(rank)]) ?? [];
    const digests = plan?.ids.map((_, rank) => plan.product(rank).outputs.o?.digest);
    expect(plan?.blobsOf(views)).toEqual(digests);
    expect(plan?.ids.flatMap((_, rank) => plan.blobs(rank))).toEqual(digests);
  }
});
