/**
 * The watcher under what editors, branch switches and scripts do to a tree. Whatever happens, the
 * last state is what is built in the end, and nobody is accused of tampering.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Event } from '../../src/pipe/event.ts';
import { watch } from '../../src/pipe/run/watch.ts';
import { eventsOf, openProject, type Project, until } from './project.ts';

/** What a folder holds, as the task sees it: all names, then all contents, sorted. */
const LIST = [
  'o=$PWD/$' + '{outputs.out}; cd $' + '{inputs.d}',
  'find -L . -type f | LC_ALL=C sort > "$o"',
  'find -L . -type f -exec cat {} + | LC_ALL=C sort >> "$o"',
].join('\n');
const PIPELINE = `version: 1
stages:
  list: { cmd: ${JSON.stringify(LIST)}, inputs: { d: data }, outputs: { out: out.txt } }
  copy: { cmd: "cat \${inputs.a} > \${outputs.out}", inputs: { a: one.txt }, outputs: { out: out.txt } }
  last: { cmd: "cat \${inputs.l} \${inputs.o} > \${outputs.out}", inputs: { l: list.out, o: copy.out }, outputs: { out: out.txt } }
`;

let project: Project;
let events: Event[];
let stop: AbortController;
let watching: Promise<void>;

async function start(files: Readonly<Record<string, string>> = {}): Promise<void> {
  project = openProject({
    'pipeline.yaml': PIPELINE,
    'one.txt': 'one\n',
    'data/a.txt': 'a\n',
    ...files,
  });
  events = [];
  stop = new AbortController();
  const { graph: _, ...options } = await project.options({ targets: [] });
  const pipelineFile = project.path('pipeline.yaml');
  watching = watch(
    { ...options, load: project.graph, pipelineFile, signal: stop.signal },
    (event) => events.push(event),
  );
  await settled();
}

afterEach(async () => {
  stop.abort();
  await watching;
  project.remove();
});

function expected(): string {
  const root = project.path('data');
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  const names = files.map((file) => `.${file.slice(root.length)}\n`).sort();
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split(/(?<=\n)/));
  return [...names, ...lines.filter((line) => line !== '').sort(), project.read('one.txt')].join(
    '',
  );
}

const shown = () => {
  try {
    return project.read('artifacts/last/out.txt');
  } catch {
    return undefined; // not there yet
  }
};

/** What lies there now is what is shown. */
async function settled(): Promise<void> {
  const wanted = expected();
  await until(() => shown() === wanted, 60_000);
}

const accusations = () =>
  eventsOf(events, 'warning').filter(({ message }) => message.includes('restored from the store'));

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

it('sees every way in which editors save', { timeout: 120_000 }, async () => {
  await start();
  const saves: ((name: string, text: string) => void)[] = [
    (name, text) => project.write(name, text),
    (name, text) => {
      project.write(`${name}.new`, text);
      renameSync(project.path(`${name}.new`), project.path(name));
    },
    (name, text) => {
      renameSync(project.path(name), project.path(`${name}~`)); // vim's backup
      project.write(name, text);
      rmSync(project.path(`${name}~`));
    },
    (name, text) => {
      rmSync(project.path(name));
      project.write(name, text);
    },
    (name, text) => {
      project.write(name, '');
      project.write(name, text.slice(0, 2));
      project.write(name, text);
    },
    (name, text) => {
      project.write(`data/.${'swap'}.swp`, 'swap'); // a dotfile of the folder, which is read whole
      project.write(name, text);
      rmSync(project.path(`data/.${'swap'}.swp`));
    },
  ];
  for (const [index, save] of saves.entries()) {
    save('one.txt', `one by way ${index}\n`);
    await settled();
    save('data/a.txt', `data by way ${index}\n`);
    await settled();
  }
  for (let burst = 0; burst < 12; burst += 1) {
    saves[burst % saves.length]?.('one.txt', `burst ${burst}\n`);
    await pause(burst * 12);
  }
  await settled();
  expect(accusations()).toEqual([]);
});

it('follows branch switches with thousands of files', { timeout: 120_000 }, async () => {
  await start();
  const checkout = (branch: number) => {
    rmSync(project.path('data'), { recursive: true });
    for (let folder = 0; folder < 20; folder += 1) {
      mkdirSync(project.path(`data/${folder % (10 + branch)}/deep`), { recursive: true });
      for (let file = 0; file < 100; file += 1) {
        const name = `data/${folder % (10 + branch)}/deep/${folder}-${file}.txt`;
        writeFileSync(project.path(name), `${branch} ${file}\n`);
      }
    }
    project.write('one.txt', `branch ${branch}\n`);
  };
  for (const branch of [1, 2, 3]) {
    checkout(branch);
    if (branch !== 2) await settled(); // the second is left before it was built
  }
  expect(accusations()).toEqual([]);
  const turns = eventsOf(events, 'filesChanged').length;
  expect(turns).toBeLessThan(40); // thousands of events, a few rounds
});

it('follows files that become folders, and folders that go and come back', {
  timeout: 120_000,
}, async () => {
  await start({ 'data/x': 'a file\n' });
  for (const round of [1, 2]) {
    rmSync(project.path('data/x'), { recursive: true });
    project.write('data/x/inside.txt', `inside ${round}\n`);
    await settled();
    rmSync(project.path('data/x'), { recursive: true });
    project.write('data/x', `a file again ${round}\n`);
    await settled();
  }
  rmSync(project.path('data'), { recursive: true });
  await pause(400); // long enough for a turn without the folder
  project.write('data/.hidden/new.txt', 'back\n');
  project.write('data/.config', 'dotfiles are read too\n');
  await settled();
  project.write('data/.config', 'and edits of them are seen\n');
  await settled();
  renameSync(project.path('data'), project.path('moved'));
  await pause(400);
  renameSync(project.path('moved'), project.path('data'));
  project.write('one.txt', 'after the move\n');
  await settled();
  expect(accusations()).toEqual([]);
});

it('misses no edit that was made while the plan was broken', { timeout: 60_000 }, async () => {
  await start({ 'stages/unused.ts': '' });
  project.write('pipeline.yaml', `${PIPELINE}  oops: [`);
  await until(() => eventsOf(events, 'diagnostics').length > 0);
  project.write('one.txt', 'meanwhile\n');
  await pause(400);
  project.write('pipeline.yaml', PIPELINE);
  await settled();
});

it('says the notes of a result once', { timeout: 60_000 }, async () => {
  await start();
  project.write('one.txt', 'two\n');
  await settled();
  await until(() => eventsOf(events, 'summary').length >= 2);
  for (const hit of eventsOf(events, 'taskHit')) expect(hit.notes).toEqual([]);
});

it('comes to rest at the last state after anything', { timeout: 300_000 }, async () => {
  await start();
  const random = randomFrom(7);
  const names = ['data/a.txt', 'data/b.txt', 'data/d/c.txt', 'data/d', 'data/d/e/f.txt', 'one.txt'];
  for (let round = 0; round < 4; round += 1) {
    for (let edit = 0; edit < 12; edit += 1) {
      disturb(names[Math.floor(random() * names.length)] as string, random);
      if (random() < 0.6) await pause(random() * 160);
    }
    project.write('data/a.txt', `round ${round}\n`); // never an empty folder
    await settled();
  }
  await pause(500);
  await settled();
  expect(accusations()).toEqual([]);
});

function disturb(name: string, random: () => number): void {
  const path = project.path(name);
  if (name !== 'one.txt' && existsSync(path) && random() < 0.4) {
    rmSync(path, { recursive: true });
    return;
  }
  for (let at = dirname(path); at.length > project.root.length; at = dirname(at)) {
    if (existsSync(at) && statSync(at).isFile()) rmSync(at);
  }
  if (existsSync(path) && statSync(path).isDirectory()) rmSync(path, { recursive: true });
  project.write(name, `${Math.floor(random() * 1000)}\n`);
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
}
