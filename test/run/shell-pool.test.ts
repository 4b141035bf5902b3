/**
 * A command that a waiting shell starts must not be able to tell: the same environment, folder,
 * arguments, exit code and output as when it is started the other way.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { dismissShells } from '../../src/pipe/run/shell-pool.ts';
import { type ProcessEnd, runProcess } from '../../src/pipe/run/task-process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pipe-shells-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly end: ProcessEnd;
  readonly stdout: string;
  readonly stderr: string;
  readonly pid: number;
}

const ENVIRONMENT = { PATH: process.env.PATH ?? '', LC_ALL: 'C', ODD: "a'b\n$HOME \\ é" };

async function run(
  command: string,
  {
    timeoutMs,
    signal = new AbortController().signal,
    environment = ENVIRONMENT,
  }: { timeoutMs?: number; signal?: AbortSignal; environment?: NodeJS.Dict<string> } = {},
): Promise<Ran> {
  const said = { stdout: '', stderr: '' };
  let pid = 0;
  const end = await runProcess({
    command,
    folder,
    environment: environment as Record<string, string>,
    signal,
    timeoutMs,
    onText: (stream, text) => {
      said[stream] += text;
    },
    onMessage: () => expect.unreachable(),
    onStart: (started) => {
      pid = started;
    },
  });
  return { end, ...said, pid };
}

/** Until the shells are there: from then on every command is theirs. */
async function warmUp(): Promise<void> {
  for (let count = 0; count < 8; count += 1) await run('true');
  await sleep(300);
}

const isServed = () =>
  readdirSync(dirname(folder)).some((name) => {
    const [purpose, , pid] = name.split('~');
    return purpose === 'order' && pid === String(process.pid);
  });

it('starts the same command in the same way', async () => {
  const commands = [
    'env | sort; pwd; echo "$0" "$#" "$-"',
    'echo out; echo err >&2; exit 3',
    'no-such-command',
    'echo "$nothing"',
    'false; echo never',
    'kill -SEGV $$',
    'printf "no end"',
    'printf "\\303"; sleep 0.4; printf "\\251\\n"',
    'for n in 3 4 5 6 7 8 9; do if (eval ": >&$n") 2>/dev/null; then echo "open: $n"; fi; done; cat; umask',
    'ps -o pgid= -p $$ >/dev/null 2>&1 || true; test "$(cut -d" " -f5 /proc/$$/stat)" = $$ && echo own group',
  ];
  const direct: Omit<Ran, 'pid'>[] = [];
  // The first four are started from Node.
  for (const command of commands.slice(0, 4)) {
    const { pid: _, ...ran } = await run(command);
    direct.push(ran);
  }
  await warmUp();
  const served: Omit<Ran, 'pid'>[] = [];
  let seen = false;
  for (const command of commands) {
    const running = run(command);
    seen ||= isServed();
    const { pid: _, ...ran } = await running;
    served.push(ran);
  }
  expect(seen).toBe(true);
  const plain = ({ end: { exitCode }, stdout, stderr }: Omit<Ran, 'pid'>) => ({
    exitCode,
    stdout,
    stderr,
  });
  expect(served.slice(0, 4).map(plain)).toEqual(direct.map(plain));
  expect(served.slice(4).map(plain)).toEqual([
    { exitCode: 1, stdout: '', stderr: '' },
    { exitCode: 139, stdout: '', stderr: '' },
    { exitCode: 0, stdout: 'no end', stderr: '' },
    { exitCode: 0, stdout: 'é\n', stderr: '' },
    { exitCode: 0, stdout: `${readUmask()}\n`, stderr: '' },
    { exitCode: 0, stdout: 'own group\n', stderr: '' },
  ]);
  await dismissShells();
  expect(isServed()).toBe(false);
  expect(existsSync(`${folder}.order.out`) || existsSync(`${folder}.order.err`)).toBe(false);
});

it('starts what comes down to a program as a shell would', async () => {
  mkdirSync(join(folder, 'bin'));
  const script = (name: string, text: string) =>
    writeFileSync(join(folder, 'bin', name), text, { mode: 0o755 });
  script('plain-script', '#!/bin/sh\necho script "$0" "$@"; env | sort; exit 7\n');
  script('shell-words', 'echo "$0" "$#" \'a\\tb\'; [ -z "${BASH_VERSION-}" ]\n');
  script('printf', '#!/bin/sh\necho never\n');
  const PATH = `${join(folder, 'bin')}:${process.env.PATH}`;
  const commands = [
    'plain-script a \'b c\' "d"',
    'shell-words 1 2',
    "printf 'a\\tb'", // built in, and the program of that name is not asked
    'echo -e a',
    'cat out.txt',
    "plain-script 'x y' > out.txt",
    'cat out.txt',
    'env',
    'cat nowhere/at-all',
    'head out.txt > nowhere/out.txt',
    'no-such-program 1 2',
    'exit 3',
    'sleep 0.01',
    'umask',
  ];
  const environment = { ...ENVIRONMENT, PATH };
  const expected = commands.map((command) => {
    const { status, stdout, stderr } = spawnSync('/bin/sh', ['-eu', '-c', command, '/bin/sh'], {
      cwd: folder,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    return { command, exitCode: status, stdout: inOrder(command, stdout), stderr };
  });
  await warmUp();
  // The first time each program is looked up.
  for (const _ of [1, 2]) {
    rmSync(join(folder, 'out.txt'));
    const served: object[] = [];
    for (const command of commands) {
      const { end, stdout, stderr } = await run(command, { environment });
      const { exitCode } = end;
      served.push({ command, exitCode, stdout: inOrder(command, stdout), stderr });
    }
    expect(served).toEqual(expected);
  }
  await dismissShells();
});

/** The environment has no order. */
const inOrder = (command: string, text: string) =>
  command === 'env' ? text.split('\n').sort().join('\n') : text;

const readUmask = () => process.umask().toString(8).padStart(4, '0');

it('kills a command and all that it started, at a timeout and when it is cancelled', async () => {
  await warmUp();
  const late = await run('sleep 30 & echo $! > child; sleep 30', { timeoutMs: 200 });
  expect(late.end.killed).toBe('timeout');
  expect(await isGone(childOf())).toBe(true);
  const stop = new AbortController();
  const running = run('sleep 30 & echo $! > child; sleep 30', { signal: stop.signal });
  await sleep(200);
  stop.abort();
  expect((await running).end.killed).toBe('cancelled');
  expect(await isGone(childOf())).toBe(true);
});

it('kills a command that is cancelled while it starts', async () => {
  await warmUp();
  for (let round = 0; round < 60; round += 1) {
    const stop = new AbortController();
    const started = performance.now();
    const running = run('sleep 20', { signal: stop.signal });
    if (round % 4 > 0) await sleep(round % 4);
    stop.abort();
    expect((await running).end.killed).toBe('cancelled');
    expect(performance.now() - started).toBeLessThan(2_000);
  }
});

it('waits for a command that somebody stopped for a while', async () => {
  await warmUp();
  const running = run('echo $$ > child; kill -STOP $$; echo went on');
  while (!existsSync(join(folder, 'child'))) await sleep(20);
  await sleep(150);
  process.kill(childOf(), 'SIGCONT');
  const { end, stdout } = await running;
  expect({ exitCode: end.exitCode, stdout }).toEqual({ exitCode: 0, stdout: 'went on\n' });
});

it('goes on where somebody removed what lies beside the folders', async () => {
  await warmUp();
  const beside = () => readdirSync(dirname(folder)).filter((name) => name.startsWith('order~'));
  expect(beside().length).toBeGreaterThan(0);
  for (const name of beside()) {
    if (name.split('~')[2] === String(process.pid)) rmSync(join(dirname(folder), name));
  }
  for (const word of ['one', 'two', 'three']) {
    expect((await run(`echo ${word}; :`)).stdout).toBe(`${word}\n`);
  }
});

it.each([
  [['words', 'printed', 'path', 'added', 'probe', 'order', 'group']],
  [['__words', 'RANDOM', 'SECONDS', 'GROUPS', 'EPOCHSECONDS']],
])('passes on variables that are called %j', async (names) => {
  await warmUp();
  const own = names.map((name) => `${name}=my ${name}`);
  const environment = {
    PATH: process.env.PATH ?? '',
    ...Object.fromEntries(names.map((name) => [name, `my ${name}`])),
  };
  for (const command of ['env; :', 'env', 'env']) {
    const { stdout } = await run(command, { environment });
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(own));
  }
});

it('leaves nothing running behind a command that ended', async () => {
  await warmUp();
  const { end } = await run('sleep 30 & echo $! > child');
  expect(end.exitCode).toBe(0);
  expect(await isGone(childOf())).toBe(true);
  expect((await run('echo next')).stdout).toBe('next\n');
});

it('takes the loss of a shell for the end of its command, and goes on with others', async () => {
  await warmUp();
  const running = run('echo $PPID > parent; sleep 30');
  while (!existsSync(join(folder, 'parent'))) await sleep(20);
  await sleep(20);
  process.kill(Number(readFileSync(join(folder, 'parent'), 'utf8')), 'SIGKILL');
  const { end, pid } = await running;
  expect(end).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  expect(await isGone(pid)).toBe(true);
  expect((await run('echo next')).stdout).toBe('next\n');
});

it('leaves nothing running, and nothing that looks for it, where a shell dies at once or had printed', async () => {
  for (const waitMs of [0, 3, 6, 12, 400]) {
    await warmUp();
    rmSync(join(folder, 'pids'), { force: true });
    const running = run('echo $$ $PPID > pids; echo printed; sleep 30');
    while (!existsSync(join(folder, 'pids')) || readPids().length < 2) await sleep(1);
    await sleep(waitMs);
    const [child, shell] = readPids();
    process.kill(shell as number, 'SIGKILL');
    const { end, stdout } = await running;
    expect(end).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
    expect(stdout).toBe('printed\n');
    expect(await isGone(child as number)).toBe(true);
  }
  await sleep(400); // whoever looked now and then would look again
});

const readPids = () =>
  readFileSync(join(folder, 'pids'), 'utf8').split(/\s+/).filter(Boolean).map(Number);

const childOf = () => Number(readFileSync(join(folder, 'child'), 'utf8'));

/** Gone, or a zombie that nobody has looked at yet. */
async function isGone(pid: number): Promise<boolean> {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.[0];
      if (state === 'Z') return true;
    } catch {
      return true;
    }
    await sleep(20);
  }
  return false;
}
