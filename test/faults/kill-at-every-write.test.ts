/**
 * `kill -9` in front of (and in the middle of) every change that a run makes to the disk. After each:
 * the next run is right without anyone's help, and does not repeat what was finished.
 */
import { afterEach, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from '../rig/project.ts';
import { countChanges, filesBelow, isThorough, killedAt, pipe, slice } from './faulty.ts';

let project: RigProject;
const projects: RigProject[] = [];
const newProject = () => {
  project = makeProject({ 'pipeline.yaml': PIPELINE, 'stages/sum.ts': SUM, 'a.txt': 'v\n' });
  projects.push(project);
};
afterEach(() => {
  for (const each of projects.splice(0)) each.remove();
});

const PIPELINE = `version: 1
stages:
  head: { cmd: "head -n 1 \${inputs.a} > \${outputs.out}", inputs: { a: a.txt }, outputs: { out: out.txt } }
  parts: { cmd: "mkdir \${outputs.all}/x; cat \${inputs.h} > \${outputs.all}/x/1; echo same > \${outputs.all}/2", inputs: { h: head.out }, outputs: { all: all/ } }
  sum: { use: stages/sum.ts, inputs: { all: parts.all } }
`;

const SUM = stageModule(`import { join } from 'node:path';
export default defineStage({
  description: 'reads a folder, remembers, saves its progress',
  params: Type.Object({}),
  inputs: { all: { kind: 'folder' } },
  outputs: { sum: { path: 'sum.txt' } },
  run({ inputs, outputs, memo, checkpoint }) {
    const text = readFileSync(join(inputs.all.path, 'x', '1'), 'utf8');
    const known = memo('texts', 1);
    if (known.get(text) === undefined) known.set(text, Buffer.from('sum of ' + text));
    checkpoint.save(Buffer.from('half'));
    writeFileSync(outputs.sum, known.get(text));
  },
});`);

const RUN = ['run', '--json'];

async function trial(value: string, at: number, mode: 'before' | 'torn'): Promise<void> {
  project.write('a.txt', `${value}\nrest\n`);
  const killed = await killedAt(project.folder, RUN, at, mode);
  // In every other trial, the file is edited again before anyone can mend what was killed.
  const isEdited = at % 2 === 0;
  if (isEdited) project.write('a.txt', `${value} again\nrest\n`);
  const first = isEdited ? `${value} again` : value;
  const where = `${mode} change ${at}: ${killed.stderr}`;
  const healed = await pipe(project.folder, RUN);
  expect(healed, where).toMatchObject({ code: 0 });
  expect(healed.warnings, where).toEqual([]);
  expect(project.read('artifacts/sum/sum.txt'), where).toBe(`sum of ${first}\n`);
  expect(project.read('artifacts/parts/all/x/1'), where).toBe(`${first}\n`);
  expect(
    healed.ran.filter((task) => !isEdited && killed.ran.includes(task)),
    where,
  ).toEqual([]);
  expect((await pipe(project.folder, RUN)).events.at(-1), where).toMatchObject({ ran: 0, hits: 3 });
}

it(`is survived by the store (${isThorough ? 'every write' : 'some writes'})`, {
  timeout: 3_600_000,
}, async () => {
  newProject();
  const first = await countChanges(project.folder, RUN);
  project.write('a.txt', 'w\n');
  const second = await countChanges(project.folder, RUN);
  expect(Math.min(first, second)).toBeGreaterThan(30);
  for (const at of slice(upTo(second), 3)) await trial(`torn ${at}`, at, 'torn');
  for (const at of slice(upTo(second), 1)) await trial(`before ${at}`, at, 'before');
  expect((await pipe(project.folder, ['verify'])).code).toBe(0);
  // The first run of a project, with nothing there yet.
  for (const at of slice(upTo(first), 1)) {
    newProject();
    await trial(`cold ${at}`, at, 'torn');
    expect((await pipe(project.folder, ['verify'])).code).toBe(0);
  }
  console.log(`kill -9: ${second} changes in a run after an edit, ${first} in a first run`);
});

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

it('leaves nothing behind that cleaning does not find', { timeout: 60_000 }, async () => {
  newProject();
  for (const at of [40, 90]) await killedAt(project.folder, RUN, at, 'torn');
  await pipe(project.folder, RUN);
  const files = filesBelow(project.folder, 'cache').filter(
    (name) => !/\/(blobs|traces|memo|code|runs|plan|index|records|logs)\//.test(`/${name}`),
  );
  expect(files.filter((name) => !name.endsWith('.tmp'))).toEqual([]);
});
