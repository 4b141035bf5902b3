/** What becomes of the rights of outputs and of empty folders, and of views that nothing makes any more. */
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, openProject, type Project, stage } from './project.ts';

let project: Project;
afterEach(() => project.remove());

const warnings = (events: Parameters<typeof eventsOf>[0]) =>
  eventsOf(events, 'warning').map(({ message }) => message);

describe('a folder output', () => {
  it('keeps empty folders and the right to start a file, for readers and in artifacts/', async () => {
    project = openProject({
      'pipeline.yaml': `version: 1
stages:
  make: { cmd: "mkdir \${outputs.f}/none; printf '#!/bin/sh\\necho started' > \${outputs.f}/go; chmod +x \${outputs.f}/go; cp \${outputs.f}/go \${outputs.f}/plain; chmod -x \${outputs.f}/plain; ln -s go \${outputs.f}/link", outputs: { f: f/ } }
  use: { cmd: "test -d \${inputs.f}/none; test ! -x \${inputs.f}/plain; \${inputs.f}/go > \${outputs.o}", inputs: { f: make.f }, outputs: { o: o.txt } }
`,
    });
    expect((await project.build()).summary).toMatchObject({ ran: 2, failed: 0 });
    expect(project.read('artifacts/use/o.txt')).toBe('started\n');
    const folder = project.path('artifacts/make/f');
    expect(readdirSync(folder).sort()).toEqual(['go', 'link', 'none', 'plain']);
    expect(statSync(`${folder}/go`).mode & 0o777).toBe(0o555);
    expect(statSync(`${folder}/plain`).mode & 0o777).toBe(0o444);
    const again = await project.build();
    expect(again.summary).toMatchObject({ ran: 0, hits: 2 });
    expect(warnings(again.events)).toEqual([]);
  });

  it('is another product once a file may be started', async () => {
    const pipeline = (mode: string) => `version: 1
stages:
  make: { cmd: "echo x > \${outputs.f}/x; chmod ${mode} \${outputs.f}/x", outputs: { f: f/ } }
`;
    project = openProject({ 'pipeline.yaml': pipeline('-x') });
    await project.build();
    project.write('pipeline.yaml', pipeline('+x'));
    const { events } = await project.build();
    expect(eventsOf(events, 'taskRan')[0]?.changedOutputs).toEqual(['f']);
    expect(statSync(project.path('artifacts/make/f/x')).mode & 0o111).not.toBe(0);
  });
});

describe('a file output', () => {
  const pipeline = (mode: string) => `version: 1
stages:
  tool: { cmd: "printf '#!/bin/sh\\necho started' > \${outputs.t}; chmod ${mode} \${outputs.t}", outputs: { t: tool } }
  use: { cmd: "./\${inputs.t} > \${outputs.o} || echo refused > \${outputs.o}", inputs: { t: tool.t }, outputs: { o: o.txt } }
`;

  it('keeps the right to be started, which is part of what it is', async () => {
    project = openProject({ 'pipeline.yaml': pipeline('+x') });
    expect((await project.build()).summary).toMatchObject({ ran: 2, failed: 0 });
    expect(project.read('artifacts/use/o.txt')).toBe('started\n');
    expect(statSync(project.path('artifacts/tool/tool')).mode & 0o777).toBe(0o555);
    const again = await project.build();
    expect(again.summary).toMatchObject({ ran: 0, hits: 2 });
    expect(warnings(again.events)).toEqual([]);

    project.write('pipeline.yaml', pipeline('-x'));
    const { events, summary } = await project.build();
    expect(summary).toMatchObject({ ran: 2 });
    expect(eventsOf(events, 'taskRan')[0]?.changedOutputs).toEqual(['t']);
    expect(eventsOf(events, 'taskStarted')[1]?.changes).toMatchObject([
      { kind: 'input', input: 't', how: 'changed' },
    ]);
    expect(project.read('artifacts/use/o.txt')).toBe('refused\n');
    expect(statSync(project.path('artifacts/tool/tool')).mode & 0o777).toBe(0o444);
    expect(warnings(events)).toEqual([]);
  });
});

describe('views of what the plan no longer has', () => {
  const line = (name: string, path: string) =>
    `  ${name}: { cmd: "echo ${name} > \${outputs.o}", outputs: { o: ${path} } }\n`;
  const plan = (...lines: string[]) => `version: 1\nstages:\n${lines.join('')}`;

  it('go when a stage or an output is renamed; what is not ours stays', async () => {
    project = openProject({ 'pipeline.yaml': plan(line('old', 'a/x.txt'), line('kept', 'x.txt')) });
    await project.build({ prune: true });
    project.write('artifacts/old/mine.txt', 'mine');
    project.write('pipeline.yaml', plan(line('new', 'a/x.txt'), line('kept', 'y.txt')));
    await project.build({ prune: true });
    expect(readdirSync(project.path('artifacts')).sort()).toEqual(['kept', 'new', 'old']);
    expect(readdirSync(project.path('artifacts/old'))).toEqual(['mine.txt']);
    expect(readdirSync(project.path('artifacts/kept'))).toEqual(['y.txt']);
  });

  it('go with the empty folders of their output', async () => {
    const folders = (name: string) => `version: 1
stages:
  ${name}: { cmd: "mkdir -p \${outputs.d}/none/deep \${outputs.d}/some; echo x > \${outputs.d}/some/x", outputs: { d: d/ } }
`;
    project = openProject({ 'pipeline.yaml': folders('old') });
    await project.build({ prune: true });
    project.write('pipeline.yaml', folders('new'));
    await project.build({ prune: true });
    expect(readdirSync(project.path('artifacts'))).toEqual(['new']);
    expect(readdirSync(project.path('artifacts/new/d')).sort()).toEqual(['none', 'some']);
  });

  it('stay where the plan was only asked otherwise, or is another', async () => {
    project = openProject({ 'pipeline.yaml': plan(line('one', 'x.txt'), line('two', 'x.txt')) });
    await project.build({ prune: true });
    await project.build({ targets: ['one'], prune: true });
    project.write('pipeline.yaml', plan(line('one', 'x.txt')));
    await project.build();
    expect(existsSync(project.path('artifacts/two/x.txt'))).toBe(true);
    await project.build({ prune: true });
    expect(existsSync(project.path('artifacts/two'))).toBe(false);
  });
});

describe('inputs', () => {
  it('of more than 500 files by a glob are granted one by one', { timeout: 60_000 }, async () => {
    const files = Object.fromEntries(
      Array.from({ length: 501 }, (_, at) => [`data/${at}.txt`, `${at}\n`]),
    );
    project = openProject({
      ...files,
      'data/secret.md': 'secret',
      'pipeline.yaml':
        'version: 1\nstages:\n  read: { use: stages/read.ts, inputs: { all: "data/*.txt" } }\n',
      'stages/read.ts': stage(`
import { readFileSync, writeFileSync } from 'node:fs';
export default defineStage({
  description: 'reads all, and then more',
  params: Type.Object({}),
  inputs: { all: { kind: 'files' } },
  outputs: { sum: { path: 'sum.txt' } },
  run(context) {
    const sum = context.inputs.all.files.reduce((all, file) => all + Number(readFileSync(file.path, 'utf8')), 0);
    writeFileSync(context.outputs.sum, String(sum));
    let refused = '';
    try { readFileSync('SECRET'); } catch (error) { refused = error.code; }
    if (refused !== 'ERR_ACCESS_DENIED') throw new Error('read the secret');
  },
});
`),
    });
    project.write(
      'stages/read.ts',
      project.read('stages/read.ts').replace('SECRET', project.path('data/secret.md')),
    );
    expect((await project.build()).summary).toMatchObject({ ran: 1, failed: 0 });
    expect(project.read('artifacts/read/sum.txt')).toBe(String((500 * 501) / 2));
  });

  const copy = (source: string) =>
    `version: 1\nstages:\n  copy: { cmd: "cat \${inputs.a} > \${outputs.o}", inputs: { a: ${JSON.stringify(source)} }, outputs: { o: o.txt } }\n`;

  it.each([
    ['cache/blobs/x', 'own-folder'],
    ['artifacts/copy/o.txt', 'own-folder'],
    ['./artifacts/**/*.txt', 'own-folder'],
    ['data/}.txt', 'bad-glob'],
    ['data/{a,b.txt', 'bad-glob'],
  ])('of %s are refused in the plan', async (source, code) => {
    project = openProject({ 'pipeline.yaml': copy(source), 'data/a.txt': 'a' });
    await expect(project.graph()).rejects.toMatchObject({ diagnostics: [{ code }] });
  });

  it('below the project leave out what pipe makes', async () => {
    project = openProject({
      'pipeline.yaml': copy('{data,artifacts,cache}/**/*.txt'),
      'data/a.txt': 'a',
    });
    await project.build();
    expect(project.read('artifacts/copy/o.txt')).toBe('a');
    expect((await project.build()).summary.ran).toBe(0);
  });

  it('with a link that leads in a circle are the user’s to mend', async () => {
    project = openProject({ 'pipeline.yaml': copy('data'), 'data/a.txt': 'a' });
    symlinkSync('.', project.path('data/again'));
    await expect(project.build()).rejects.toMatchObject({
      diagnostics: [{ code: 'circular-link' }],
    });
  });

  it('count empty folders of a folder, which a stage can see', async () => {
    const cmd = 'ls ${inputs.a} > ${outputs.o}';
    project = openProject({
      'pipeline.yaml': `version: 1\nstages:\n  list: { cmd: ${JSON.stringify(cmd)}, inputs: { a: data }, outputs: { o: o.txt } }\n`,
      'data/a.txt': 'a',
    });
    await project.build();
    mkdirSync(project.path('data/none'));
    expect((await project.build()).ran).toEqual(['list']);
    expect(project.read('artifacts/list/o.txt')).toBe('a.txt\nnone\n');
  });
});

it('says once a stage what it asks for beyond the machine', async () => {
  project = openProject({
    'pipeline.yaml': `version: 1
stages:
  big: { cmd: "echo \${params.n} > \${outputs.o}", matrix: { n: [1, 2] }, params: { n: "\${matrix.n}" }, resources: { memory: 90000GiB, gpu: 99 }, outputs: { o: o.txt } }
`,
  });
  const { events, summary } = await project.build();
  expect(summary).toMatchObject({ ran: 2 });
  expect(warnings(events)).toHaveLength(1);
  expect(warnings(events)[0]).toMatch(
    /^big asks for 99 gpu devices of \d+ and 90000\.0 GiB of memory/,
  );
});

describe('devices', () => {
  const before = process.env.CUDA_VISIBLE_DEVICES;
  afterEach(() => {
    if (before === undefined) delete process.env.CUDA_VISIBLE_DEVICES;
    else process.env.CUDA_VISIBLE_DEVICES = before;
  });
  const DEVICES = `version: 1
stages:
  one: { cmd: "sleep 0.3; echo $CUDA_VISIBLE_DEVICES > \${outputs.o}; : \${params.n}", matrix: { n: [1, 2] }, params: { n: "\${matrix.n}" }, resources: { gpu: 1 }, outputs: { o: o.txt } }
  both: { cmd: "echo $CUDA_VISIBLE_DEVICES > \${outputs.o}", inputs: { i: one.o }, resources: { gpu: 2 }, outputs: { o: o.txt } }
  none: { cmd: "echo \${CUDA_VISIBLE_DEVICES-all} > \${outputs.o}", outputs: { o: o.txt } }
`;
  const shown = (task: string) => project.read(`artifacts/${task}/o.txt`).trim();

  it('are leased, and named to the task that holds them', async () => {
    process.env.CUDA_VISIBLE_DEVICES = '3, 7';
    project = openProject({ 'pipeline.yaml': DEVICES });
    expect((await project.build()).summary).toMatchObject({ ran: 4 });
    expect([shown('one@1'), shown('one@2')].sort()).toEqual(['3', '7']);
    expect(shown('both').split(',').sort()).toEqual(['3', '7']);
    expect(shown('none')).toBe('3, 7'); // no lease: what the user lets us see
  });

  it('that the user hides stay hidden', async () => {
    process.env.CUDA_VISIBLE_DEVICES = '-1';
    project = openProject({ 'pipeline.yaml': DEVICES });
    const { events } = await project.build();
    expect(warnings(events)[0]).toMatch(/^one asks for 1 gpu devices of 0/);
    expect([shown('one@1'), shown('both'), shown('none')]).toEqual(['-1', '-1', '-1']);
  });
});

it('pools have as many places as the plan says', async () => {
  const shared = (pools: string) => `version: 1
${pools}
stages:
  one: { cmd: "echo + >> $HOME/pool; sleep 0.3; echo - >> $HOME/pool; echo \${params.n} > \${outputs.o}", matrix: { n: [1, 2, 3, 4] }, params: { n: "\${matrix.n}" }, resources: { cpu: 0, pools: { api: 1 } }, outputs: { o: o.txt } }
`;
  const most = (text: string) => {
    let [now, peak] = [0, 0];
    for (const sign of text.trim().split('\n')) {
      now += sign === '+' ? 1 : -1;
      peak = Math.max(peak, now);
    }
    return peak;
  };
  const home = process.env.HOME;
  for (const [pools, expected] of [
    ['', 1],
    ['pools: { api: 2 }', 2],
  ] as const) {
    project = openProject({ 'pipeline.yaml': shared(pools) });
    process.env.HOME = project.root;
    try {
      expect((await project.build({ jobs: 4 })).summary).toMatchObject({ ran: 4 });
    } finally {
      process.env.HOME = home;
    }
    expect(most(project.read('pool'))).toBe(expected);
    if (expected === 1) project.remove();
  }
});
