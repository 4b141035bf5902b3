import { spawnSync } from 'node:child_process';
import { afterEach, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from './project.ts';

let project: RigProject;
afterEach(() => project.remove());

it.each([
  ['../../results/', 'climbs out'],
  ['../o.txt', 'climbs out'],
  ['/o.txt', 'absolute'],
  ['./', 'the artifact itself'],
])('refuses the output path %s and touches nothing', async (path, why) => {
  project = makeProject({
    'pipeline.yaml': `version: 1\nstages:\n  a:\n    cmd: "true"\n    outputs: { o: ${path} }\n`,
    'results/keep.txt': 'keep',
  });
  const outcome = await project.pipe('run');
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain(why);
  expect(outcome.stderr).toContain('pipeline.yaml:5:');
  expect(project.read('results/keep.txt')).toBe('keep');
});

it('refuses outputs that lie in each other', async () => {
  project = makeProject({
    'pipeline.yaml':
      'version: 1\nstages:\n  a:\n    cmd: "true"\n    outputs: { o: x, p: x/y, q: x }\n',
  });
  const { code, stderr } = await project.pipe('run');
  expect(code).toBe(2);
  expect(stderr.match(/\[bad-output\]/g)).toHaveLength(2);
});

const stage = (body: string) =>
  stageModule(`import { readdirSync } from 'node:fs';
export default defineStage({
  description: 'd',
  params: Type.Object({}),
  inputs: { d: { kind: 'folder' } },
  outputs: { o: { path: 'o.txt' } },
  run({ inputs, outputs, log }) { ${body} },
});`);
const YAML = 'version: 1\nstages:\n  a: { use: stages/a.ts, inputs: { d: data/d } }\n';

it('reads a folder whole, dotfiles too', async () => {
  project = makeProject({
    'pipeline.yaml': YAML,
    'data/d/a.txt': '1',
    'stages/a.ts': stage('writeFileSync(outputs.o, readdirSync(inputs.d.path).sort().join());'),
  });
  await project.run();
  project.write('data/d/.config', 'two');
  expect((await project.run()).ran).toEqual(['a']);
  expect(project.read('artifacts/a/o.txt')).toBe('.config,a.txt');
});

it('does not take a stage for done that left before run() returned', async () => {
  project = makeProject({
    'pipeline.yaml': YAML,
    'data/d/a.txt': '1',
    'stages/a.ts': stage("writeFileSync(outputs.o, 'half'); process.exit(0);"),
  });
  const outcome = await project.pipe('run');
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain('ended before run() returned');
  expect(project.exists('artifacts/a/o.txt')).toBe(false);
});

it('keeps everything that a stage printed', async () => {
  project = makeProject({
    'pipeline.yaml': YAML,
    'data/d/a.txt': '1',
    'stages/a.ts': stage(
      "for (let i = 0; i < 20000; i++) console.log('line ' + i); writeFileSync(outputs.o, 'x');",
    ),
  });
  expect((await project.pipe('run')).code).toBe(0);
  const lines = (await project.pipe('logs', 'a')).stdout.trimEnd().split('\n');
  expect(lines.filter((line) => line.startsWith('line '))).toHaveLength(20000);
});

it('does not warn of artifacts that it cleaned away itself', async () => {
  project = makeProject({
    'pipeline.yaml': YAML,
    'data/d/a.txt': '1',
    'stages/a.ts': stage("writeFileSync(outputs.o, 'x');"),
  });
  await project.run();
  await project.pipe('clean');
  expect((await project.pipe('run')).stderr).not.toContain('warning');
  expect(project.read('artifacts/a/o.txt')).toBe('x');
});

it('says which file it may not read, without a stack', async () => {
  project = makeProject({ 'pipeline.yaml': YAML, artifacts: 'a file', 'data/d/a.txt': '1' });
  project.write('stages/a.ts', stage("writeFileSync(outputs.o, 'x');"));
  const outcome = await project.pipe('run');
  expect(outcome.code).not.toBe(0);
  expect(outcome.stderr).toMatch(/artifacts.*not a folder|ENOTDIR|EEXIST/s);
  expect(outcome.stderr).not.toMatch(/^\s+at /m);
});

it('ends a dry run in JSON with the summary', async () => {
  project = makeProject({ 'pipeline.yaml': YAML, 'data/d/a.txt': '1' });
  project.write('stages/a.ts', stage("writeFileSync(outputs.o, 'x');"));
  const { summary, code } = await project.run('--dry-run');
  expect(code).toBe(0);
  expect(summary).toMatchObject({ type: 'summary', ran: 1, hits: 0 });
});

it.skipIf(process.platform === 'win32')('does not wait for a named pipe', async () => {
  project = makeProject({ 'pipeline.yaml': YAML.replace('data/d', 'data/pipe'), 'data/x': '' });
  project.write('stages/a.ts', stage('').replace("kind: 'folder'", "kind: 'file'"));
  expect(spawnSync('mkfifo', [`${project.folder}/data/pipe`]).status).toBe(0);
  expect((await project.pipe('run')).code).not.toBe(0);
});
