/**
 * `pipe gc` through the real command line: what it removes, what it must not, beside running builds,
 * beside other projects, and killed in the middle.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeProject, type RigProject } from '../rig/project.ts';
import { countChanges, isThorough, killedAt, pipe, slice } from './faulty.ts';

const projects: RigProject[] = [];
const folders: string[] = [];
afterEach(() => {
  for (const each of projects.splice(0)) each.remove();
  for (const each of folders.splice(0)) rmSync(each, { recursive: true, force: true });
});

const PIPELINE = `version: 1
params: { v: 0, sleep: 0 }
stages:
  first: { cmd: "echo value \${params.v} > \${outputs.out}; head -c 5000 /dev/zero >> \${outputs.out}", params: { v: "\${params.v}" }, outputs: { out: out.txt } }
  parts: { cmd: "cp \${inputs.a} \${outputs.all}/a; echo b > \${outputs.all}/b", inputs: { a: first.out }, outputs: { all: all/ } }
  last: { cmd: "sleep \${params.s}; cat \${inputs.p}/* > \${outputs.out}", params: { s: "\${params.sleep}" }, inputs: { p: parts.all }, outputs: { out: out.txt } }
`;

function newProject(): RigProject {
  const project = makeProject({ 'pipeline.yaml': PIPELINE });
  projects.push(project);
  return project;
}

const run = (project: RigProject, v: number, more: Readonly<Record<string, string>> = {}) =>
  pipe(project.folder, ['run', '--json', '--set', `params.v=${v}`], { environment: more });

const gc = async (project: RigProject, words: readonly string[], environment = {}) => {
  const outcome = await pipe(project.folder, ['gc', '--json', ...words], { environment });
  expect(outcome.code, outcome.stderr).toBe(0);
  return JSON.parse(outcome.stdout) as {
    evicted: { task: string }[];
    orphans: { count: number };
    kept: { results: number };
    builds: string[];
    beforeBytes: number;
    afterBytes: number;
  };
};

describe('pipe gc', () => {
  it('shows first, removes on demand, and keeps what the plan needs', async () => {
    const project = newProject();
    for (const v of [1, 2, 0]) await run(project, v);
    const shown = await gc(project, ['--max-size', '1B']);
    expect(shown.evicted).toHaveLength(6);
    expect((await run(project, 2)).ran).toEqual([]);
    const removed = await gc(project, ['--max-size', '1B', '--yes']);
    expect(removed.evicted).toHaveLength(6);
    expect((await gc(project, [])).beforeBytes).toBeLessThan(shown.beforeBytes - 10_000);
    expect((await run(project, 0)).events.at(-1)).toMatchObject({ ran: 0, hits: 3 });
    const again = await run(project, 2); // gone, so made anew, without a word of alarm
    expect(again.ran).toEqual(['first', 'parts', 'last']);
    expect(again.warnings).toEqual([]);
    expect((await pipe(project.folder, ['verify'])).stdout).toContain('all is well');
  });

  it('keeps what is pinned, with what it was made from', async () => {
    const project = newProject();
    for (const v of [1, 2]) await run(project, v);
    const key = (await run(project, 1)).events.flatMap((event) =>
      event.type === 'taskHit' && event.task === 'last' ? [event.key.slice(0, 12)] : [],
    )[0] as string;
    expect((await pipe(project.folder, ['gc', '--pin', key])).code).toBe(0);
    await run(project, 0);
    await gc(project, ['--max-size', '1B', '--yes']);
    expect((await run(project, 1)).ran).toEqual([]);
    expect((await pipe(project.folder, ['gc', '--pins'])).stdout).toContain(key);
    expect((await pipe(project.folder, ['gc', '--unpin', key])).code).toBe(0);
    expect((await pipe(project.folder, ['gc', '--unpin', key])).code).toBe(2);
    await run(project, 0);
    await gc(project, ['--max-size', '1B', '--yes']);
    expect((await run(project, 1)).ran).toHaveLength(3);
  });

  it('removes blobs that nothing names, and what killed runs left', async () => {
    const project = newProject();
    await run(project, 0);
    for (const at of [30, 60, 80]) {
      await killedAt(project.folder, ['run', '--json', '--set', `params.v=${at}`], at, 'torn');
    }
    rmSync(join(project.folder, 'cache/traces'), { recursive: true });
    await run(project, 0);
    await gc(project, ['--yes']);
    const after = await gc(project, []);
    expect(after.orphans.count).toBe(0);
    expect(existsSync(join(project.folder, 'cache/scratch'))).toBe(true);
    expect(readdirSync(join(project.folder, 'cache/scratch'))).toEqual([]);
    expect((await run(project, 0)).ran).toEqual([]);
  });

  it('refuses what it does not understand', async () => {
    const project = newProject();
    expect((await pipe(project.folder, ['gc', '--max-size', 'lots'])).stderr).toContain('20GiB');
    expect((await pipe(project.folder, ['gc', '--older-than', 'ever'])).code).toBe(2);
    expect((await pipe(project.folder, ['gc', '--pin', 'nothing'])).code).toBe(2);
    expect((await pipe(project.folder, ['gc', '--pin', 'abcdef0123'])).code).toBe(2);
  });
});

describe('beside others', () => {
  it('leaves alone what a running build has found', async () => {
    const project = newProject();
    await run(project, 1);
    await run(project, 0); // v=1 is what no plan needs now
    const words = ['run', '--json', '--set', 'params.v=1', '--set', 'params.sleep=3'];
    const slow = pipe(project.folder, words);
    for (let tries = 0; (await gc(project, [])).builds.length === 0 && tries < 50; tries += 1);
    const cleaned = await gc(project, ['--max-size', '1B', '--yes']);
    expect(cleaned.builds).toHaveLength(1);
    expect(cleaned.evicted.map(({ task }) => task)).toEqual(['last']); // v=1 with no sleep
    const { ran, code } = await slow;
    expect([code, ran]).toEqual([0, ['last']]);
    expect((await run(project, 1)).ran).toEqual(['last']); // its parts are still there
    expect((await pipe(project.folder, ['verify'])).code).toBe(0);
  });

  it('leaves alone what another project of the store needs', async () => {
    const store = mkdtempSync(join(tmpdir(), 'pipe-shared-'));
    folders.push(store);
    const [one, two] = [newProject(), newProject()];
    const environment = { PIPE_CACHE: store };
    await run(one, 1, environment);
    await run(one, 0, environment);
    await run(two, 5, environment);
    const cleaned = await gc(one, ['--max-size', '1B', '--yes'], environment);
    expect(cleaned.evicted).toHaveLength(3); // the results for v=1
    expect((await run(two, 5, environment)).ran).toEqual([]);
    expect((await run(one, 0, environment)).ran).toEqual([]);
    expect((await pipe(one.folder, ['clean', '--cache'], { environment })).code).toBe(0);
    expect((await run(two, 5, environment)).ran).toEqual([]); // clean is not for what is shared
  });

  it('races with builds, and each of them comes out right', { timeout: 600_000 }, async () => {
    const project = newProject();
    let done = false;
    const cleaning = (async () => {
      for (let rounds = 0; !done || rounds < 2; rounds += 1) {
        await pipe(project.folder, ['gc', '--max-size', '1B', '--older-than', '1ms', '--yes']);
      }
    })();
    const rounds = isThorough ? 150 : 3;
    const builder = async (offset: number) => {
      for (let round = 0; round < rounds; round += 1) {
        const { code, stderr, stdout } = await run(project, (round + offset) % 4);
        expect(code, stderr + stdout).toBe(0);
      }
    };
    try {
      await Promise.all([builder(0), builder(2)]);
    } finally {
      done = true;
      await cleaning;
    }
    await run(project, 3);
    expect(project.read('artifacts/last/out.txt')).toMatch(/^value 3\n\0{5000}b\n$/);
    expect((await pipe(project.folder, ['verify'])).stdout).toContain('all is well');
  });
});

it('killed anywhere, leaves no result without its blobs', { timeout: 3_600_000 }, async () => {
  const project = newProject();
  const words = ['gc', '--max-size', '1B', '--yes'];
  for (const v of [1, 2, 0]) await run(project, v);
  const count = await countChanges(project.folder, words);
  expect(count).toBeGreaterThan(12);
  const points = Array.from({ length: count }, (_, index) => index + 1);
  for (const at of slice(points, 3)) {
    for (const v of [1, 2, 0]) await run(project, v);
    await killedAt(project.folder, words, at, 'before');
    const verified = await pipe(project.folder, ['verify']);
    expect(verified.code, `killed at ${at}: ${verified.stdout}`).toBe(0);
    const after = await run(project, 0);
    expect([after.code, after.ran, after.warnings], `killed at ${at}`).toEqual([0, [], []]);
  }
  console.log(`gc: killed at ${slice(points, 3).length} of ${count} changes`);
});
