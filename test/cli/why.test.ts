/** The whole text of `pipe why`, for each kind of change that it can name. */
import { afterEach, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from '../rig/project.ts';

let project: RigProject;
afterEach(() => project.remove());

const PIPELINE = `version: 1
params: { suffix: "!" }
stages:
  clean:
    use: stages/clean.ts
    inputs: { claims: data/claims.jsonl, settings: [data/settings.json, "data/*.csv"] }
    params: { suffix: "\${params.suffix}" }
  parts:
    cmd: cp \${inputs.claims} \${outputs.folder}/claims.jsonl; echo 1 > \${outputs.folder}/one
    inputs: { claims: clean.out }
    outputs: { folder: parts/ }
  count:
    cmd: cat \${inputs.parts}/* \${inputs.claims} > \${outputs.n}
    inputs: { parts: parts.folder, claims: clean.out }
    outputs: { n: n.txt }
`;
const STAGE = stageModule(`
import { tidy } from '../src/tidy.ts';
export default defineStage({
  description: 'tidies claims',
  params: Type.Object({ suffix: Type.String() }),
  inputs: { claims: { kind: 'file' }, settings: { kind: 'files' } },
  outputs: { out: { path: 'clean.jsonl' } },
  run({ inputs, outputs }) { writeFileSync(outputs.out, tidy(readFileSync(inputs.claims.path, 'utf8'))); },
});
`);
const TIDY = `export const BLANK = /^ +$/;
export function tidy(text: string): string {
  return text.split('\\n').filter((line) => !BLANK.test(line)).join('\\n');
}
`;
const CLAIMS = ['{"id":1,"claim":"one"}', '{"id":2,"claim":"two"}', '{"id":3,"claim":"three"}', ''];

async function built(): Promise<RigProject> {
  const made = makeProject({
    'pipeline.yaml': PIPELINE,
    'stages/clean.ts': STAGE,
    'src/tidy.ts': TIDY,
    'data/claims.jsonl': CLAIMS.join('\n'),
    'data/settings.json': '{"keep":true,"most":[1,2]}\n',
    'data/a.csv': 'x,y\n1,2\n',
  });
  const outcome = await made.pipe('run');
  expect(outcome.stderr).toContain('3 tasks run');
  return made;
}

it('names the line of a source file, the entry of a JSON file and the file of a pattern', async () => {
  project = await built();
  project.write(
    'data/claims.jsonl',
    [CLAIMS[0], CLAIMS[1]?.replace('two', 'zwei'), '{"id":4}', ''].join('\n'),
  );
  project.write('data/settings.json', '{ "most": [1, 2, 3], "keep": true }\n');
  project.write('data/b.csv', 'x\n');
  expect(await project.pipe('why', 'clean')).toMatchObject({
    code: 0,
    stderr: '',
    stdout: `clean: would run, because
  input claims: data/claims.jsonl edited, 2 lines edited; first line 2 edited: {"id":2,"claim":"zwei"}
  input settings: data/settings.json edited, entry most edited: [1,2,3]
  input settings: data/b.csv added
`,
  });
});

it('names the module and line of code, and nothing of what is the same', async () => {
  project = await built();
  project.write(
    'src/tidy.ts',
    `// Blank lines go.\n${TIDY.replace("join('\\n')", "join('\\n\\n')")}`,
  );
  expect((await project.pipe('why', 'clean', 'count')).stdout).toBe(`clean: would run, because
  code of stages/clean.ts changed: src/tidy.ts:4
count: not known yet
  clean would run first, because
    code of stages/clean.ts changed: src/tidy.ts:4
`);
});

it('says changed, not edited, of what another task made, and names the file of a folder', async () => {
  project = await built();
  project.write('data/claims.jsonl', CLAIMS.slice(1).join('\n'));
  await project.run('clean', 'parts');
  expect((await project.pipe('why', 'parts', 'count')).stdout).toBe(`parts: up to date
count: would run, because
  input claims: clean.out changed, line 1 removed
  input parts: parts.folder changed, file claims.jsonl edited
`);
});

it('calls files by the folder they were in when the pattern moves', async () => {
  project = await built();
  project.write('other/a.csv', 'x,y\n1,3\n');
  project.write('pipeline.yaml', PIPELINE.replace('"data/*.csv"', '"other/*.csv"'));
  expect((await project.pipe('why', 'clean')).stdout).toBe(`clean: would run, because
  input settings: data/a.csv removed
  input settings: data/settings.json renamed
  input settings: other/a.csv added
`);
});

it('says that another file is read, not that one was edited', async () => {
  project = await built();
  project.write('data/other.jsonl', CLAIMS.slice(1).join('\n'));
  const other = PIPELINE.replace('data/claims.jsonl', 'data/other.jsonl');
  expect(other).not.toBe(PIPELINE);
  project.write('pipeline.yaml', other);
  expect((await project.pipe('why', 'clean')).stdout).toBe(`clean: would run, because
  input claims: data/claims.jsonl → data/other.jsonl, line 1 removed
`);
});

it('gives the same as JSON', async () => {
  project = await built();
  const { stdout } = await project.pipe('why', '--json', '--set', 'params.suffix=?', 'parts');
  expect(JSON.parse(stdout)).toMatchObject({
    task: 'parts',
    decision: 'unknown',
    causes: [
      { task: 'clean', changes: [{ kind: 'param', name: 'suffix', before: '!', after: '?' }] },
    ],
  });
});
