/**
 * The world around a run, at its worst: few file handles, clocks that jump, bits that flip, names
 * and paths that nobody should choose. Through the real command line.
 */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import { makeProject, type RigProject } from '../rig/project.ts';
import { pipe } from './faulty.ts';

let project: RigProject;
afterEach(() => project.remove());

const RUN = ['run', '--json'];
const COPY = `version: 1
stages:
  copy: { cmd: "cat \${inputs.a} > \${outputs.out}", inputs: { a: a.txt }, outputs: { out: out.txt } }
  again: { cmd: "cat \${inputs.a} > \${outputs.out}; echo >> \${outputs.out}", inputs: { a: copy.out }, outputs: { out: out.txt } }
`;

it.skipIf(process.platform === 'win32')(
  'too few file handles fail a run cleanly; the next one goes on',
  async () => {
    const stages = Array.from(
      { length: 12 },
      (_, i) =>
        `  s${i}: { cmd: "cat \${inputs.a} > \${outputs.out}; echo ${i} >> \${outputs.out}", inputs: { a: a.txt }, outputs: { out: out.txt } }`,
    );
    project = makeProject({
      'pipeline.yaml': `version: 1\nstages:\n${stages.join('\n')}\n`,
      'a.txt': 'a\n',
    });
    const said: string[] = [];
    // So few that the program itself hardly starts, then so few that its tasks don't.
    for (let ulimit = 28; ulimit < 120; ulimit += 4) {
      const words = [...RUN, '--jobs', '8'];
      const { stderr, events, code } = await pipe(project.folder, words, { ulimit });
      expect(stderr, `ulimit ${ulimit}`).not.toMatch(/\n {4}at /); // no stack
      if (code === 0) break;
      const failed = events.filter((event) => event.type === 'taskFailed');
      for (const { message, hint = '' } of failed) said.push(`${message}\n${hint}`);
      if (failed.length === 0) said.push(stderr);
    }
    expect(said.length).toBeGreaterThan(0);
    for (const text of said) expect(text).toMatch(/EMFILE.*ulimit -n/s);
    const after = await pipe(project.folder, RUN);
    expect(after.code, after.stderr).toBe(0);
    expect(readFileSync(join(project.folder, 'artifacts/s11/out.txt'), 'utf8')).toBe('a\n11\n');
    expect((await pipe(project.folder, ['verify'])).stdout).toContain('all is well');
    expect((await pipe(project.folder, RUN)).events.at(-1)).toMatchObject({ ran: 0, hits: 12 });
  },
);

describe('clocks', () => {
  const DAY_MS = 86_400_000;
  const shifted = (ms: number) => ({
    shim: 'clock',
    environment: { PIPE_CLOCK_SHIFT_MS: String(ms) },
  });

  it('go backwards between runs and nothing is missed', async () => {
    project = makeProject({ 'pipeline.yaml': COPY, 'a.txt': 'one\n' });
    expect((await pipe(project.folder, RUN, shifted(DAY_MS))).ran).toHaveLength(2);
    expect((await pipe(project.folder, RUN, shifted(-DAY_MS))).ran).toEqual([]);
    project.write('a.txt', 'two\n'); // of the same size, at an earlier time than the run before
    expect((await pipe(project.folder, RUN, shifted(-DAY_MS))).ran).toEqual(['copy', 'again']);
    project.write('a.txt', 'six\n');
    expect((await pipe(project.folder, RUN, shifted(DAY_MS))).ran).toEqual(['copy', 'again']);
    expect(project.read('artifacts/again/out.txt')).toBe('six\n\n');
    expect((await pipe(project.folder, RUN)).ran).toEqual([]);
  });

  it('put files into the future, where edits are seen as well', async () => {
    project = makeProject({ 'pipeline.yaml': COPY, 'a.txt': 'one\n' });
    const tomorrow = Date.now() / 1000 + 86_400;
    utimesSync(join(project.folder, 'a.txt'), tomorrow, tomorrow);
    await pipe(project.folder, RUN);
    expect((await pipe(project.folder, RUN)).ran).toEqual([]);
    project.write('a.txt', 'two\n');
    utimesSync(join(project.folder, 'a.txt'), tomorrow, tomorrow); // the same time as before
    expect((await pipe(project.folder, RUN)).ran).toEqual(['copy', 'again']);
    expect(project.read('artifacts/copy/out.txt')).toBe('two\n');
  });

  it('stand still for an edit of the same size right behind a run', async () => {
    project = makeProject({ 'pipeline.yaml': COPY, 'a.txt': 'one\n' });
    for (const text of ['two\n', 'six\n', 'ten\n', 'one\n']) {
      await pipe(project.folder, RUN);
      const { atime, mtime } = statSync(join(project.folder, 'a.txt'));
      project.write('a.txt', text);
      utimesSync(join(project.folder, 'a.txt'), atime, mtime);
      await pipe(project.folder, RUN);
      expect(project.read('artifacts/copy/out.txt')).toBe(text);
    }
  });
});

describe('flipped bits', () => {
  const blobOf = (text: string) => {
    const digest = digestOf(text);
    return join(project.folder, 'cache', 'blobs', digest.slice(0, 2), digest);
  };
  const flip = (path: string, keepTime: boolean) => {
    const { atime } = statSync(path);
    const mtimeNs = statSync(path, { bigint: true }).mtimeNs;
    const bytes = readFileSync(path);
    bytes[0] = (bytes[0] ?? 0) ^ 1;
    chmodSync(path, 0o644);
    writeFileSync(path, bytes);
    chmodSync(path, 0o444);
    // The half microsecond keeps the value clear of rounding on its way through a double.
    if (keepTime) utimesSync(path, atime, (Number(mtimeNs / 1000n) + 0.5) / 1e6);
  };

  it('with a new time are a miss that heals', async () => {
    project = makeProject({ 'pipeline.yaml': COPY, 'a.txt': 'one\n' });
    await pipe(project.folder, RUN);
    flip(blobOf('one\n'), false);
    expect((await pipe(project.folder, RUN)).ran).toEqual(['copy']);
    expect(project.read('artifacts/copy/out.txt')).toBe('one\n');
    expect(project.read('artifacts/again/out.txt')).toBe('one\n\n');
  });

  it('under an old time are what `verify` is for: it says whose they are, and repairs', async () => {
    project = makeProject({ 'pipeline.yaml': COPY, 'a.txt': 'one\n' });
    await pipe(project.folder, RUN);
    flip(blobOf('one\n'), true);
    const found = await pipe(project.folder, ['verify']);
    expect(found.code).toBe(1);
    expect(found.stdout).toMatch(/corrupt blob blobs\/\S+: part of copy \(/);
    const repaired = await pipe(project.folder, ['verify', '--repair']);
    expect(repaired).toMatchObject({ code: 0 });
    const after = await pipe(project.folder, RUN);
    expect(after.ran).toEqual(['copy']);
    expect(project.read('artifacts/copy/out.txt')).toBe('one\n');
    expect((await pipe(project.folder, ['verify'])).stdout).toContain('all is well');
    expect((await pipe(project.folder, RUN)).events.at(-1)).toMatchObject({ ran: 0, hits: 2 });
  });
});

describe('names and paths', () => {
  const NAMES = [
    'new\nline',
    '"quotes" and \'more\'',
    '-rf',
    '--',
    '$(touch hacked)',
    '`touch hacked`',
    '* ? [a] {b}',
    ' blanks ',
    'back\\slash',
    'n'.repeat(255),
    'ü'.repeat(127),
    'tail.tmp',
    'x.1.2.abc.tmp',
  ];

  it('of files may be anything that the file system takes, in and out', async () => {
    project = makeProject({
      'pipeline.yaml': `version: 1
stages:
  copy: { cmd: "cp -R -L \${inputs.all}/. \${outputs.all}", inputs: { all: in }, outputs: { all: all/ } }
  list: { cmd: "cat \${inputs.each} > \${outputs.out}", inputs: { each: "in/**" }, outputs: { out: out.txt } }
  count: { cmd: "cat \${inputs.all}/* | wc -l > \${outputs.out}", inputs: { all: copy.all }, outputs: { out: out.txt } }
`,
    });
    mkdirSync(join(project.folder, 'in'));
    for (const name of NAMES) writeFileSync(join(project.folder, 'in', name), `${name.length}\n`);
    const first = await pipe(project.folder, RUN);
    expect(first.code, first.stdout + first.stderr).toBe(0);
    expect(readdirSync(join(project.folder, 'artifacts/copy/all')).sort()).toEqual(
      [...NAMES].sort(),
    );
    expect(project.read('artifacts/count/out.txt').trim()).toBe(String(NAMES.length));
    expect(existsSync(join(project.folder, 'hacked'))).toBe(false);
    expect((await pipe(project.folder, RUN)).events.at(-1)).toMatchObject({ ran: 0, hits: 3 });
    writeFileSync(join(project.folder, 'in', 'new\nline'), 'other\n');
    expect([...(await pipe(project.folder, RUN)).ran].sort()).toEqual(['copy', 'count', 'list']);
  });

  it('of outputs that lead outside as links hand over the content, and touch nothing there', async () => {
    project = makeProject({
      'pipeline.yaml': `version: 1
stages:
  link: { cmd: "ln -s $HOME/outside.txt \${outputs.out}", outputs: { out: out.txt } }
  folder: { cmd: "ln -s $HOME/outside.txt \${outputs.all}/inside.txt", outputs: { all: all/ } }
  dangling: { cmd: "ln -s nowhere \${outputs.out}", outputs: { out: out.txt } }
`,
      'outside.txt': 'precious\n',
    });
    const environment = { HOME: project.folder };
    const { events } = await pipe(project.folder, [...RUN, '--keep-going'], { environment });
    expect(events.at(-1)).toMatchObject({ ran: 2, failed: 1 });
    expect(events.find((event) => event.type === 'taskFailed')).toMatchObject({ task: 'dangling' });
    for (const path of ['artifacts/link/out.txt', 'artifacts/folder/all/inside.txt']) {
      expect(project.read(path)).toBe('precious\n');
      expect(statSync(join(project.folder, path)).ino).not.toBe(
        statSync(join(project.folder, 'outside.txt')).ino,
      );
    }
    project.write('outside.txt', 'changed\n'); // still writable, and no part of the store
    expect((await pipe(project.folder, ['verify'])).code).toBe(0);
    expect(project.read('artifacts/link/out.txt')).toBe('precious\n');
  });

  it('of outputs that are links to a folder outside are not walked into', async () => {
    project = makeProject({
      'pipeline.yaml': `version: 1
stages:
  folder: { cmd: "rmdir \${outputs.all}; ln -s $HOME/outside \${outputs.all}", outputs: { all: all/ } }
`,
      'outside/keep.txt': 'precious\n',
    });
    await pipe(project.folder, RUN, { environment: { HOME: project.folder } });
    expect(project.read('outside/keep.txt')).toBe('precious\n');
    project.write('outside/keep.txt', 'mine\n');
    expect((await pipe(project.folder, ['verify'])).code).toBe(0);
  });

  it('that artifacts/ was given as a link are replaced, and what they lead to is not', async () => {
    project = makeProject({ 'pipeline.yaml': COPY, 'a.txt': 'one\n', 'precious.txt': 'mine\n' });
    mkdirSync(join(project.folder, 'artifacts', 'copy'), { recursive: true });
    symlinkSync(
      join(project.folder, 'precious.txt'),
      join(project.folder, 'artifacts/copy/out.txt'),
    );
    expect((await pipe(project.folder, RUN)).code).toBe(0);
    expect(project.read('precious.txt')).toBe('mine\n');
    expect(project.read('artifacts/copy/out.txt')).toBe('one\n');
  });

  it('in a YAML alias bomb end in a diagnostic, at once', async () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const inner = level === 0 ? '"lol"' : `*l${level - 1}`;
      return `  l${level}: &l${level} [${Array(10).fill(inner).join(', ')}]`;
    });
    project = makeProject({
      'pipeline.yaml': `version: 1\nparams:\n${levels.join('\n')}\nstages:\n  a: { cmd: "true", outputs: { o: o.txt } }\n`,
    });
    const startedMs = performance.now();
    const { code, stderr } = await pipe(project.folder, RUN);
    expect(code).toBe(2);
    expect(stderr).toMatch(/alias/i);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
  });

  it.skipIf(process.platform === 'win32')(
    'that are pipes, or links in a circle, fail their task with a reason',
    async () => {
      project = makeProject({
        'pipeline.yaml': `version: 1
stages:
  fifo: { cmd: "mkfifo \${outputs.out}", outputs: { out: out.txt } }
  inside: { cmd: "mkfifo \${outputs.all}/p", outputs: { all: all/ } }
  circle: { cmd: "ln -s . \${outputs.all}/loop", outputs: { all: all/ } }
  self: { cmd: "ln -s self \${outputs.all}/self", outputs: { all: all/ } }
`,
      });
      expect(spawnSync('mkfifo', ['--help']).error).toBeUndefined();
      const { code, events } = await pipe(project.folder, [...RUN, '--keep-going']);
      expect(code).toBe(1);
      expect(events.at(-1)).toMatchObject({ failed: 4 });
    },
  );
});
