/** Projects that `pipe init` begins: each is run at once. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { projectAt, type RigProject } from '../rig/project.ts';
import { DVC_PROJECT } from './dvc-project.ts';

let folder: string;
let project: RigProject;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pipe-init-')));
  project = projectAt(folder);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('begins a minimal project that runs', async () => {
  const begun = await project.pipe('init', 'new');
  expect(begun).toMatchObject({
    code: 0,
    stdout: '',
    stderr: `wrote data/words.txt, .gitignore, pipeline.yaml, stages/count.ts
linked node_modules/mempipe to this installation; npm install puts a copy there
next: cd new && npx pipe run
`,
  });
  const made = projectAt(join(folder, 'new'));
  const { ran } = await made.run();
  expect(ran).toEqual(['count', 'top']);
  expect(made.read('artifacts/top/top.txt')).toBe('3 the\n3 what\n2 builds\n');
  expect(JSON.parse(made.read('package.json'))).toMatchObject({ name: 'new', type: 'module' });
  expect((await made.run()).ran).toEqual([]);
});

it('begins an experiment that runs and prints its table', async () => {
  await project.pipe('init', '--template', 'experiment');
  const { stdout, code } = await project.pipe('run');
  expect(code).toBe(0);
  expect(stdout).toMatch(
    /^model {7}accuracy, 95 % interval\nlinear {6}\.?0\.\d{3} \[.*\]\nquadratic {3}0\.8\d\d \[.*\]\n$/,
  );
  const { ran } = await project.run('--set', 'params.models=[quadratic]');
  expect(ran).toEqual(['table']);
});

it('overwrites nothing', async () => {
  mkdirSync(join(folder, 'stages'));
  writeFileSync(join(folder, 'stages/count.ts'), 'mine');
  writeFileSync(join(folder, 'pipeline.yaml'), 'mine');
  expect(await project.pipe('init')).toMatchObject({
    code: 2,
    stderr: `pipeline.yaml, stages/count.ts would be overwritten; nothing was written
  hint: name an empty or new folder: pipe init DIR
`,
  });
  expect(existsSync(join(folder, 'data'))).toBe(false);
  expect(readFileSync(join(folder, 'stages/count.ts'), 'utf8')).toBe('mine');
  expect((await project.pipe('init', 'a', '--template', 'none')).stderr).toBe(
    'there is no template none\n  hint: one of experiment, minimal\n',
  );
});

it('makes a pipeline of a dvc.yaml that makes the same, and says what it leaves out', async () => {
  for (const [name, text] of Object.entries(DVC_PROJECT)) project.write(name, text);
  expect(await project.pipe('init', '--from', 'dvc.yaml')).toMatchObject({
    code: 0,
    stderr: `wrote pipeline.yaml
not the same: dvc.yaml:46: plots are kept as outputs, without their settings
not the same: dvc.yaml:24: models/\${item.kind}.bin: persist is not mapped; every run starts from nothing
not the same: dvc.yaml:27: metrics are kept as outputs; \`pipe metrics\` reads ctx.metric of code stages
not the same: dvc.yaml:31: desc: not mapped; put it into a comment
not the same: dvc.yaml:40: frozen: not mapped; a stage cannot be frozen: leave it out of the targets
not the same: dvc.yaml:45: out/size-\${item.size.n} is not there and has no extension: taken for a folder
not the same: dvc.yaml:22: data/parts/one.txt is a part of data/parts: the whole is the input
`,
  });
  const first = await project.run('--jobs', '2');
  expect(first.summary).toMatchObject({ ran: 9, failed: 0 });
  // As \`dvc repro\` makes them.
  expect(project.read('artifacts/fetch@north/fetch.txt')).toBe('n1\nn2\nx y\n');
  expect(project.read('artifacts/join/parts/two.txt')).toBe('s1\ns2\nx y\n');
  expect(project.read('artifacts/train@a/train.bin')).toBe(
    'a-n1\na-n2\na-x y\na-s1\na-s2\na-x y\n',
  );
  expect(project.read('artifacts/train@b/train.json')).toBe('{"lines": 6}\n');
  expect(project.read('artifacts/score/score.txt')).toBe('b-x y\n');
  expect(project.read('artifacts/sized@size1/size/n')).toBe('2\n');
  // Only who declares a param runs for it; who reads an equal product does not.
  const changed = await project.run('--jobs', '1', '--set', 'params.train.rate=0.2');
  expect([...changed.ran].sort()).toEqual(['train@a', 'train@b']);
  expect((await project.pipe('init', '--from', 'dvc.yaml')).stderr).toContain(
    'pipeline.yaml would be overwritten; nothing was written\n',
  );
});
