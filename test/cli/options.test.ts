/** Words on the command line that are nearly right: the whole text of what is said. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { makeProject, type RigProject } from '../rig/project.ts';

const PIPELINE = `version: 1
params: { topK: 3 }
stages:
  one: { cmd: "echo \${params.topK} > \${outputs.o}", outputs: { o: o.txt } }
  two: { cmd: "cp \${inputs.i} \${outputs.o}", inputs: { i: one.o }, outputs: { o: o.txt } }
  other: { cmd: "true > \${outputs.o}", outputs: { o: o.txt } }
`;
let project: RigProject;
beforeAll(() => {
  project = makeProject({
    'pipeline.yaml': PIPELINE,
    'text.yaml': PIPELINE.replace('topK: 3', 'topK: few'),
    'circle.yaml': PIPELINE.replace('{ topK: 3 }', '&p { topK: 3, again: [*p] }'),
  });
});
afterAll(() => project.remove());

async function said(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await project.pipe(...words);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  return stderr;
}

it('explains a value that looks like an option, or is missing', async () => {
  expect(
    await said('run', '--jobs', '-1'),
  ).toBe(`--jobs -1: a value that begins with a dash looks like an option
  hint: write --jobs=-1 if you mean it, or --jobs N
`);
  expect(await said('run', '--jobs=-1')).toBe('--jobs -1: expected a whole number of at least 1\n');
  expect(await said('run', '-j')).toBe(`--jobs needs a value
  hint: --jobs N: at most N tasks at once (default: the number of cores)
`);
});

it('refuses half of a list, and finds what a path was meant to be', async () => {
  const sets = ['params.topK=[1,2', 'topK=4', 'one.retries=2', 'params.=4', 'params.topK={a: 1'];
  const stderr = await said('plan', ...sets.flatMap((set) => ['--set', set]));
  expect(
    stderr,
  ).toBe(`error: --set params.topK=[1,2: the value begins like YAML, but is not valid: Flow sequence must end with a ]. [bad-set]
  hint: Close what it opens, or mean it as text: --set 'params.topK="…"'.

error: --set topK=4: the pipeline has no topK. [unknown-set]
  hint: Did you mean "params.topK"?

error: --set one.retries=2: the pipeline has no one. [unknown-set]
  hint: Did you mean "stages.one.retries"?

error: --set params.=4: expected path=value. [bad-set]
  hint: For example --set params.topK=50 or --set stages.train.params.epochs=1.

error: --set params.topK={a: 1: the value begins like YAML, but is not valid: Flow map must end with a }. [bad-set]
  hint: Close what it opens, or mean it as text: --set 'params.topK="…"'.
`);
});

it('asks back where a word would take the place of a number', async () => {
  expect(
    await said('plan', '--set', 'params.topK=1O'),
  ).toBe(`error: --set params.topK=1O: the file has a number there (3), and this is text. [bad-set]
  hint: Mean it as text: --set 'params.topK="1O"'.
`);
  expect((await project.pipe('plan', '--set', 'params.topK="1O"')).code).toBe(0);
});

it('still takes text that is no YAML', async () => {
  const words = ['--file', 'text.yaml', '--format', 'json', '--set', 'params.topK=*.x: y'];
  const { stdout } = await project.pipe('graph', ...words);
  expect(JSON.parse(stdout).tasks[0].params).toEqual({ topK: '*.x: y' });
});

it('names an alias that stands in itself', async () => {
  expect(
    await said('plan', '--file', 'circle.yaml'),
  ).toBe(`circle.yaml:2:31: error: The alias *p stands inside of what it names. [circular-alias]
  2 | params: &p { topK: 3, again: [*p] }
    |                               ^^
  hint: Write the value out.
`);
});

it('graph shows the targets and what they need', async () => {
  expect((await project.pipe('graph', 'two')).stdout).toBe(`one
  o → o.txt
two
  i ← one.o
  o → o.txt
`);
  expect(await said('graph', 'tow')).toBe(`error: There is no stage or task "tow". [unknown-target]
  hint: Did you mean "two"?
`);
});
