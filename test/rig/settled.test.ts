/** A run in which nothing changed, answered before the engine is loaded: nobody can tell it from another. */
import { spawnSync } from 'node:child_process';
import { rmSync, utimesSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Event } from '../../src/pipe/event.ts';
import { makeProject, type RigProject } from './project.ts';

let project: RigProject;
afterEach(() => project.remove());

function openAged(): RigProject {
  const opened = makeProject({
    'pipeline.yaml': `version: 1
stages:
  one: { cmd: "cat \${inputs.a} > \${outputs.o}", inputs: { a: a.txt }, outputs: { o: o.txt } }
  two: { cmd: "cat < \${inputs.a} > \${outputs.o}", inputs: { a: one.o }, outputs: { o: o.txt } }
`,
    'a.txt': 'text\n',
  });
  for (const name of ['pipeline.yaml', 'a.txt']) {
    utimesSync(join(opened.folder, name), Date.now() / 1000 - 300, Date.now() / 1000 - 300);
  }
  return opened;
}

const repetitions = () =>
  project.exists('cache/runs/repetitions.log')
    ? project.read('cache/runs/repetitions.log').trim().split('\n')
    : [];

/** Without what differs from run to run. */
const told = (events: readonly Event[]) =>
  events.map((event) => {
    const { runId: _, at: __, wallMs: ___, ...rest } = event as unknown as Record<string, unknown>;
    return rest;
  });

it('says the same as a run that looks everything up, and is on record', async () => {
  project = openAged();
  expect((await project.run()).summary.ran).toBe(2);
  const [again, looked] = [await project.run(), await project.run('--jobs', '1')];
  expect(repetitions()).toHaveLength(1);
  expect(again.summary).toMatchObject({ ran: 0, hits: 2, failed: 0, skipped: 0 });
  expect(again.code).toBe(0);
  expect(told(again.events)).toEqual(told(looked.events));
  const [runId = ''] = repetitions()[0]?.split(' ') ?? [];
  expect(again.events[0]).toMatchObject({ type: 'runStarted', runId });
});

it('says the same to a person, on stderr alone', async () => {
  project = openAged();
  await project.pipe('run');
  const again = await project.pipe('run');
  expect(repetitions()).toHaveLength(1);
  expect(again.stdout).toBe('');
  expect(again.stderr.replace(/\d+ ms/g, '… ms')).toBe(
    'one: hit (saved … ms)\ntwo: hit (saved … ms)\n0 tasks run, 2 hits in … ms\n',
  );
});

it('puts removed views back before the engine is loaded, and says what a build would say', async () => {
  project = openAged();
  await project.pipe('run');
  const texts: string[] = [];
  const remove = () => rmSync(join(project.folder, 'artifacts'), { recursive: true });
  for (const words of [[], ['--jobs', '1']]) {
    remove();
    const { stderr } = await project.pipe('run', ...words);
    texts.push(stderr.replace(/\d+ ms/g, '… ms'));
    expect(project.read('artifacts/two/o.txt')).toBe('text\n');
  }
  expect(texts[0]).toBe(texts[1]);
  expect(texts[0]).toContain(
    'warning: artifacts/one/o.txt, artifacts/two/o.txt: deleted; restored from the store\n  hint: ',
  );
  expect(repetitions()).toHaveLength(1);
  await project.run(); // settles the question in this wording
  remove();
  const quick = await project.run();
  remove();
  const looked = await project.run('--jobs', '1');
  expect(repetitions()).toHaveLength(2);
  expect(told(quick.events)).toEqual(told(looked.events));
  expect((await project.run()).events.filter(({ type }) => type === 'warning')).toEqual([]);
});

/** What a terminal is sent, by util-linux's script(1), which is its other end. */
function onTerminal(words: string, environment: { readonly [name: string]: string } = {}): string {
  const command = `"${process.execPath}" "${resolve(import.meta.dirname, '../../bin/pipe.cjs')}" ${words}`;
  const { CI: _, NO_COLOR: __, NODE_EXTRA_CA_CERTS: ___, ...rest } = process.env;
  const { stdout, status, stderr } = spawnSync('script', ['-qec', command, '/dev/null'], {
    cwd: project.folder,
    env: { ...rest, TERM: 'xterm', ...environment },
    input: '',
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  return stdout.replaceAll('\r\n', '\n').replace(/\d+ ms/g, '… ms');
}

const hasTerminal = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

it.skipIf(!hasTerminal)('says on a terminal what the whole program would say there', () => {
  project = openAged();
  // What draws hides the cursor and shows it again, also where nothing is drawn.
  const plain = (text: string) => text.replaceAll('\u001b[?25h', '').replaceAll('\u001b[?25l', '');
  onTerminal('run');
  const quick = onTerminal('run');
  expect(quick).toBe(plain(onTerminal('run --jobs 1')));
  expect(quick).toBe(
    '\u001b[32m✔\u001b[39m one \u001b[2mhit\u001b[22m\n' +
      '\u001b[32m✔\u001b[39m two \u001b[2mhit\u001b[22m\n0 tasks run, 2 hits in … ms\n',
  );
  expect(onTerminal('run', { NO_COLOR: '1' })).toBe(
    '✔ one hit\n✔ two hit\n0 tasks run, 2 hits in … ms\n',
  );
  expect(onTerminal('run', { TERM: 'dumb' })).toMatch(/^one: hit .*\ntwo: hit .*\n0 tasks run/);
  expect(repetitions()).toHaveLength(3);
  rmSync(join(project.folder, 'artifacts/two'), { recursive: true });
  const restored = onTerminal('run');
  rmSync(join(project.folder, 'artifacts/two'), { recursive: true });
  expect(restored).toBe(plain(onTerminal('run --jobs 1')));
  project.write('a.txt', 'other\n');
  const edited = onTerminal('run');
  expect(edited).toContain('one because input a: a.txt edited');
  expect(edited).toMatch(/ {2}one {3}ran .*\n {2}two {3}ran/);
});

it('leaves to a build what takes more than putting views back', async () => {
  project = openAged();
  await project.pipe('run');
  rmSync(join(project.folder, 'artifacts/one'), { recursive: true });
  rmSync(join(project.folder, 'artifacts/two/o.txt'));
  project.write('artifacts/two/o.txt', 'mine\n');
  const { stderr } = await project.pipe('run');
  expect(stderr).toContain('artifacts/two/o.txt: changed by hand; restored from the store');
  expect(project.read('artifacts/two/o.txt')).toBe('text\n');
  expect(project.read('artifacts/one/o.txt')).toBe('text\n');
  expect(repetitions()).toEqual([]);
});

it('runs what changed, and stands aside for other words', async () => {
  project = openAged();
  await project.run();
  await project.run('--force', 'two');
  await project.run('--dry-run');
  expect(repetitions()).toEqual([]);
  project.write('a.txt', 'other\n');
  expect((await project.run()).ran).toEqual(['one', 'two']);
  expect((await project.run()).ran).toEqual([]);
  expect(repetitions()).toHaveLength(1);
});

it('refuses a backend that there is not, although nothing is computed', async () => {
  project = openAged();
  const { code, stderr } = await project.pipe('run', '--backend', 'wsm');
  expect(code).toBe(2);
  expect(stderr).toContain('did you mean --backend wasm?');
});
