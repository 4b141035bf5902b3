/**
 * Several `pipe` processes on one store, killed at random: every key is built, what is shown is
 * right, and nobody has to clear anything away. `npm run test:faults` goes more rounds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, utimesSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { makeProject, outcomeOf, type RigProject, repository } from '../rig/project.ts';
import { isThorough, pipe } from './faulty.ts';

const projects: RigProject[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const each of projects.splice(0)) each.remove();
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true });
});

/** Each task leaves a line in `$HOME/log` for each time that it runs: the test's own count. */
const PIPELINE = `version: 1
params: { v: 0 }
stages:
  first: { cmd: "echo first >> $HOME/log; sleep 0.05; echo \${params.v} > \${outputs.out}", params: { v: "\${params.v}" }, outputs: { out: out.txt } }
  parts: { cmd: "echo parts >> $HOME/log; for i in 1 2 3 4 5 6 7 8; do cat \${inputs.a} > \${outputs.all}/$i; done", inputs: { a: first.out }, outputs: { all: all/ } }
  twin: { cmd: "echo twin >> $HOME/log; cat \${inputs.a} > \${outputs.out}", inputs: { a: first.out }, outputs: { out: out.txt } }
  last: { cmd: "echo last >> $HOME/log; cat \${inputs.p}/* \${inputs.t} > \${outputs.out}", inputs: { p: parts.all, t: twin.out }, outputs: { out: out.txt } }
`;

function newProject(): RigProject {
  const project = makeProject({ 'pipeline.yaml': PIPELINE, log: '' });
  projects.push(project);
  return project;
}

function start(project: RigProject, value: number, store?: string): ChildProcess {
  const words = ['run', '--json', '--set', `params.v=${value}`];
  const shared = store === undefined ? {} : { PIPE_CACHE: store };
  return spawn(process.execPath, [join(repository, 'bin', 'pipe.cjs'), ...words], {
    cwd: project.folder,
    env: { PATH: process.env.PATH, HOME: project.folder, NO_COLOR: '1', ...shared },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** The same kills in every run of the test. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
}

async function race(project: RigProject, value: number, racers: number, random: () => number) {
  const children = Array.from({ length: racers }, () => start(project, value));
  const outcomes = Promise.all(children.map(outcomeOf));
  // All but one are killed somewhere on their way.
  for (const child of children.slice(1)) {
    await wait(random() * 60);
    setTimeout(() => child.kill('SIGKILL'), random() * 500);
  }
  return outcomes;
}

it.each([
  [2, isThorough ? 60 : 2],
  [8, isThorough ? 40 : 1],
])(
  '%i racing processes with random kills, %i rounds',
  { timeout: 3_600_000 },
  async (racers, rounds) => {
    const project = newProject();
    const random = randomFrom(racers);
    for (let value = 1; value <= rounds; value += 1) {
      const [survivor] = await race(project, value, racers, random);
      expect(survivor?.code, survivor?.stderr).toBe(0);
      expect(project.read('artifacts/last/out.txt')).toBe(`${value}\n`.repeat(9));
      const after = await pipe(project.folder, ['run', '--json', '--set', `params.v=${value}`], {
        environment: { HOME: project.folder },
      });
      expect(after.events.at(-1)).toMatchObject({ ran: 0, hits: 4, failed: 0 });
      expect(after.warnings).toEqual([]);
    }
    expect((await pipe(project.folder, ['verify'])).stdout).toContain('all is well');
  },
);

it('builds each key once, whoever asks for it, also from projects that share a store', {
  timeout: 60_000,
}, async () => {
  const store = mkdtempSync(join(tmpdir(), 'pipe-shared-'));
  folders.push(store);
  const [one, two] = [newProject(), newProject()];
  const outcomes = await Promise.all(
    [one, one, two, two].map((project) => outcomeOf(start(project, 7, store))),
  );
  expect(outcomes.map(({ code, stderr }) => (code === 0 ? 'done' : stderr))).toEqual(
    Array(4).fill('done'),
  );
  const lines = `${one.read('log')}${two.read('log')}`.trim().split('\n').sort();
  expect(lines).toEqual(['first', 'last', 'parts', 'twin']);
  expect(two.read('artifacts/last/out.txt')).toBe('7\n'.repeat(9));
});

it('takes over from another machine whose lock is silent, without being told', {
  timeout: 60_000,
}, async () => {
  const project = newProject();
  const dry = await pipe(project.folder, ['run', '--json'], {
    environment: { HOME: project.folder },
  });
  const key = dry.events.flatMap((event) => (event.type === 'taskRan' ? [event.key] : []))[0];
  expect(key).toBeDefined();
  const cache = join(project.folder, 'cache');
  rmSync(join(cache, 'traces'), { recursive: true });
  const owner = { pid: 1, start: 'then', host: `not-${hostname()}`, token: 'theirs' };
  project.write(`cache/locks/${key}`, `${JSON.stringify(owner)}\n`);
  const longAgo = Date.now() / 1000 - 61;
  utimesSync(join(cache, 'locks', key as string), longAgo, longAgo);
  const after = await pipe(project.folder, ['run', '--json'], {
    environment: { HOME: project.folder },
  });
  expect(after).toMatchObject({ code: 0 });
  expect(after.ran).toHaveLength(4);
  expect(project.read('artifacts/last/out.txt')).toBe('0\n'.repeat(9));
});
