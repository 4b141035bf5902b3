/** Seeds as replicates, and epochs that extend, on the real command line and the real stages. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { examples, pages, writeTinyModel } from '../memory/tiny-model.ts';
import { makeProject, type RigProject, repository } from '../rig/project.ts';

const PIPELINE = `
version: 1
stages:
  encode:
    use: ${join(repository, 'stages', 'encode.ts')}
    inputs: { weights: "model/*", documents: documents.jsonl, examples: examples.jsonl }
  train:
    use: ${join(repository, 'stages', 'train.ts')}
    matrix: { candidate: [doc], seed: [0, 1, 2] }
    seed: "\${matrix.seed}"
    inputs: { weights: "model/*", states: encode.states }
    params: { candidate: "\${matrix.candidate}", epochs: 2, batch: 2, schedule: constant }
`;

// Processes share the machine with other tests'.
vi.setConfig({ testTimeout: 120_000 });

let project: RigProject;
beforeAll(() => {
  const lines = (items: readonly object[]) => items.map((item) => `${JSON.stringify(item)}\n`);
  project = makeProject({
    'pipeline.yaml': PIPELINE,
    'documents.jsonl': lines(pages).join(''),
    'examples.jsonl': lines(examples).join(''),
  });
  writeTinyModel(join(project.folder, 'model'));
});
afterAll(() => project.remove());

const memoryOf = (seed: number) =>
  project.read(join('artifacts', `train@doc,${seed}`, 'memory', 'memory.safetensors'));

const epochs = (count: number, ...words: string[]) => [
  ...words,
  '--set',
  `stages.train.params.epochs=${count}`,
];

it('trains one memory a seed from one encoding, each the same when it is made again', async () => {
  const first = await project.run('train');
  expect(first.code, first.stderr).toBe(0);
  const tasks = ['train@doc,0', 'train@doc,1', 'train@doc,2'];
  expect([...first.ran].sort()).toEqual(['encode', ...tasks]);
  expect(new Set([0, 1, 2].map(memoryOf)).size).toBe(3);
  const checked = await project.pipe('run', 'train', '--check');
  expect(checked.code, checked.stderr).toBe(0);
});

it('trains only the epochs that are new, to what all of them give from nothing', async () => {
  const one = epochs(4, 'train', '--where', 'seed=1');
  const why = await project.pipe('why', ...one);
  expect(why.stdout).toContain('it goes on from the finished run with epochs 2');
  const longer = await project.run(...one);
  const steps = project.read('artifacts/train@doc,1/metrics.jsonl').trim().split('\n').length;
  const notes = longer.events.flatMap((event) => (event.type === 'taskNote' ? [event.text] : []));
  expect(notes).toContain('goes on from the finished run with epochs 2');
  expect(notes).toContain(`resumed after step ${steps / 2}`);
  // From scratch, beside the store, and byte by byte.
  const checked = await project.pipe('run', '--check', ...one);
  expect(checked.code, checked.stderr).toBe(0);
});

it('trains all epochs under a cosine', async () => {
  writeFileSync(
    join(project.folder, 'pipeline.yaml'),
    PIPELINE.replace('schedule: constant', 'schedule: cosine'),
  );
  const words = ['train', '--where', 'seed=1'];
  await project.run(...words);
  const { events, ran } = await project.run(...epochs(4, ...words));
  expect(ran).toEqual(['train@doc,1']);
  const notes = events.flatMap((event) => (event.type === 'taskNote' ? [event.text] : []));
  expect(notes.filter((text) => /goes on|resumed/.test(text))).toEqual([]);
});
