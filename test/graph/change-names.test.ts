import { expect, it } from 'vitest';
import { changeNames } from '../../src/pipe/graph/change-names.ts';
import { plan } from './plan.ts';

it('names inputs after their file, folder or upstream output', async () => {
  const graph = await plan(
    `
      version: 1
      stages:
        up: { cmd: "true", matrix: { m: [x, y] }, outputs: { o: o } }
        a:
          use: stages/a.ts
          inputs: { file: data/f, glob: "data/*.txt", top: "*", folder: data/, list: [data/f, g], fan: up.o }
    `,
    {
      'stages/a.ts': {
        inputs: {
          file: { kind: 'file' },
          glob: { kind: 'files' },
          top: { kind: 'files' },
          folder: { kind: 'folder' },
          list: { kind: 'files' },
          fan: { kind: 'fan-in' },
        },
      },
    },
    { 'data/f': '', g: '' },
  );
  expect(changeNames(graph.tasks.get('a')!)).toEqual({
    code: 'stages/a.ts',
    inputs: {
      file: { name: 'data/f', upstream: false },
      glob: { name: 'data/', upstream: false },
      top: { name: '', upstream: false },
      folder: { name: 'data/', upstream: false },
      list: { name: '', upstream: false },
      fan: { name: 'up.o', upstream: true },
    },
  });
});
