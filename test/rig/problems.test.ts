/** Problems of the text and of the plan behind it are told together. */
import { afterEach, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from './project.ts';

let project: RigProject;
afterEach(() => project.remove());

const STAGE = stageModule(`
export default defineStage({
  description: 'copies',
  params: Type.Object({ size: Type.Integer() }),
  inputs: { text: { kind: 'file' } },
  outputs: { out: { path: 'out.txt' } },
  run({ inputs, outputs }) { writeFileSync(outputs.out, readFileSync(inputs.text.path)); },
});
`);

const codes = (stderr: string) =>
  stderr.match(/^pipeline\.yaml:\d+:\d+: error: .*$/gm)?.map((line) => {
    const [, number, code] = /:(\d+):\d+: .*\[([\w-]+)\]$/.exec(line) ?? [];
    return `${number} ${code}`;
  });

it('of all kinds are told at once, in the order of the file, and nothing that only follows from them', async () => {
  project = makeProject({
    'stages/copy.ts': STAGE,
    'pipeline.yaml': `version: 1
parms: {}
stages:
  a: { cmd: "echo \${params.none} > \${outputs.o}", outputs: { o: o.txt } }
  b: { cmd: "cat \${inputs.i} > \${outputs.o}", inputs: { i: a.o, j: data/none.txt }, outputs: { o: o.txt } }
  c: { cmd: "cat \${inputs.i} > \${outputs.o}", inputs: { i: data/none.txt }, outputs: { o: o.txt } }
  d: { cmd: "true", inputs: { i: e.o }, outputs: { o: o.txt } }
  e: { cmd: "true", inputs: { i: d.o }, outputs: { o: o.txt }, retries: 1 }
  f: { use: stages/copy.ts, inputs: { text: c.o }, params: { size: many } }
  g: { use: stages/copy.ts, inputs: { text: b.o }, params: { size: many } }
  h: { cmd: "true", outputs: { o: o.txt }, retries: -1 }
`,
  });
  const { code, stderr } = await project.pipe('run');
  expect(code).toBe(2);
  expect(codes(stderr)).toEqual([
    '2 unknown-key',
    '4 unknown-reference',
    '6 missing-file',
    '8 cycle',
    '9 bad-type',
    '11 bad-value',
  ]);
});

it('of the words on the command line come alone: without them the file says something else', async () => {
  project = makeProject({
    'pipeline.yaml': `version: 1
params: { file: data/none.txt, n: 1 }
stages:
  a: { cmd: "cat \${inputs.i} > \${outputs.o}", inputs: { i: "\${params.file}" }, outputs: { o: o.txt } }
`,
  });
  const { stderr } = await project.pipe('plan', '--set', 'params.file=[x', '--set', 'params.n=2');
  expect(stderr).toMatch(/^error: --set params\.file=\[x: [^\n]*\n {2}hint: [^\n]*\n$/);
});
