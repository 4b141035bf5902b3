import { describe, expect, it } from 'vitest';
import { dedent } from '../config/project-folder.ts';
import { type Declarations, plan, problemsOf } from './plan.ts';

const YAML = `
  version: 1
  stages:
    extract: { use: extract.ts }
    templates: { use: templates.ts, inputs: { dev: extract.dev, train: extract.train } }
    count: { cmd: "true", inputs: { p: templates.prompts }, outputs: { n: n.txt } }
    train: { use: train.ts, matrix: { seed: [1, 2] }, inputs: { data: count.n } }
`;

const code = (prompts: { labels?: string[] } = {}): Declarations => ({
  'extract.ts': {
    outputs: { dev: { path: 'd', labels: ['dev'] }, train: { path: 't', labels: ['train'] } },
  },
  'templates.ts': {
    inputs: { dev: { kind: 'file' }, train: { kind: 'file' } },
    outputs: { prompts: { path: 'p', ...prompts } },
  },
  'train.ts': { inputs: { data: { kind: 'file', refuse: ['dev', 'test'] } } },
});

describe('data labels', () => {
  it('follow the data through stages that declare nothing, to where they are refused', async () => {
    expect(await problemsOf(YAML, code())).toBe(
      dedent(`
        pipeline.yaml:6:69: error: "dev" data would reach input "data" of train, which refuses it: extract.dev → templates.prompts → count.n → train.data. [leak]
          6 |   train: { use: train.ts, matrix: { seed: [1, 2] }, inputs: { data: count.n } }
            |                                                                     ^^^^^^^
          hint: Wire "data" to an output that carries no dev data.
      `),
    );
  });

  it('are replaced by what an output declares', async () => {
    expect((await plan(YAML, code({ labels: ['train'] }))).tasks.size).toBe(5);
    expect((await plan(YAML, code({ labels: [] }))).tasks.size).toBe(5);
    expect(await problemsOf(YAML, code({ labels: ['test'] }))).toContain(
      'templates.prompts → count.n → train.data. [leak]',
    );
  });
});
