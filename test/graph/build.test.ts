import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { TaskGraph } from '../../src/pipe/graph/task.ts';
import { dedent } from '../config/project-folder.ts';
import { type Declarations, plan, problemsOf } from './plan.ts';

const input = (graph: TaskGraph, task: string, name: string) =>
  graph.tasks.get(task)!.inputs.find((item) => item.name === name)!;

/** The upstream tasks of an input, in order. */
const boundTo = (graph: TaskGraph, task: string, name: string): string[] => {
  const found = input(graph, task, name);
  return found.kind === 'upstream'
    ? found.from.map(({ task: id, output }) => `${id}.${output}`)
    : [];
};

const FLAGSHIP = `
  version: 1
  params: { models: [{ name: mini, path: models/mini }, { name: big, path: models/big }] }
  stages:
    encode:
      use: encode.ts
      matrix: { model: "\${params.models}" }
      inputs: { weights: "\${matrix.model.path}/*" }
    train:
      use: train.ts
      matrix: { model: "\${params.models}", candidate: [doc, temp] }
      inputs: { states: encode.states }
      params: { candidate: "\${matrix.candidate}", rate: 0.5 }
    eval:
      use: eval.ts
      matrix: { model: "\${params.models}" }
      inputs: { memories: train.memory }
    report:
      use: report.ts
      inputs: { all: train.memory, table: eval.table }
`;
const FLAGSHIP_CODE: Declarations = {
  'encode.ts': { inputs: { weights: { kind: 'files' } }, outputs: { states: { path: 'states/' } } },
  'train.ts': {
    params: {
      type: 'object',
      required: ['candidate', 'epochs'],
      properties: {
        candidate: {
          anyOf: [
            { const: 'doc', type: 'string' },
            { const: 'temp', type: 'string' },
          ],
        },
        epochs: { type: 'integer', default: 25 },
        rate: { type: 'number', default: 0.1 },
        adam: {
          type: 'object',
          default: {},
          properties: { beta: { type: 'number', default: 0.9 } },
        },
      },
    },
    inputs: { states: { kind: 'folder' } },
    outputs: { memory: { path: 'memory/' }, log: { path: 'log.txt', display: true } },
  },
  'eval.ts': {
    inputs: { memories: { kind: 'fan-in' } },
    outputs: { table: { path: 'table.txt' } },
  },
  'report.ts': { inputs: { all: { kind: 'fan-in' }, table: { kind: 'fan-in' } } },
};
const MODELS = { 'models/mini/w': '1', 'models/big/w': '2' };

describe('buildGraph', () => {
  it('makes a task of every cell, in a topological order, last axis fastest', async () => {
    const graph = await plan(FLAGSHIP, FLAGSHIP_CODE, MODELS);
    expect([...graph.tasks.keys()]).toEqual([
      'encode@mini',
      'encode@big',
      'train@mini,doc',
      'train@mini,temp',
      'train@big,doc',
      'train@big,temp',
      'eval@mini',
      'eval@big',
      'report',
    ]);
  });

  it('binds the cell that agrees on the shared axes and fans in over the others', async () => {
    const graph = await plan(FLAGSHIP, FLAGSHIP_CODE, MODELS);
    expect(boundTo(graph, 'train@big,temp', 'states')).toEqual(['encode@big.states']);
    expect(boundTo(graph, 'eval@mini', 'memories')).toEqual([
      'train@mini,doc.memory',
      'train@mini,temp.memory',
    ]);
    expect(boundTo(graph, 'report', 'all')).toHaveLength(4);
    expect(input(graph, 'eval@big', 'memories')).toMatchObject({
      shape: 'fan-in',
      from: [
        { labels: { model: 'big', candidate: 'doc' } },
        { labels: { model: 'big', candidate: 'temp' } },
      ],
    });
    expect(graph.upstream('report')).toEqual([
      'train@mini,doc',
      'train@mini,temp',
      'train@big,doc',
      'train@big,temp',
      'eval@mini',
      'eval@big',
    ]);
    expect(graph.downstream('encode@mini')).toEqual(['train@mini,doc', 'train@mini,temp']);
  });

  it('fills in the cell, the defaults and the outputs', async () => {
    const graph = await plan(FLAGSHIP, FLAGSHIP_CODE, MODELS);
    const task = graph.tasks.get('train@big,doc')!;
    expect(task.params).toEqual({ candidate: 'doc', rate: 0.5, epochs: 25, adam: { beta: 0.9 } });
    expect(task.cell).toEqual({ model: { name: 'big', path: 'models/big' }, candidate: 'doc' });
    expect(task.outputs).toEqual([
      { name: 'memory', path: 'memory', folder: true, display: false },
      { name: 'log', path: 'log.txt', folder: false, display: true },
    ]);
    expect(input(graph, 'encode@big', 'weights')).toEqual({
      kind: 'source',
      name: 'weights',
      shape: 'files',
      optional: false,
      patterns: ['models/big/*'],
    });
  });

  it('gives the same tasks from kept params as from checked ones', async () => {
    const yaml = dedent(FLAGSHIP);
    const { loadPipeline } = await import('../../src/pipe/config/load.ts');
    const { buildGraph } = await import('../../src/pipe/graph/build.ts');
    const { codeOf } = await import('./plan.ts');
    const { projectFolder } = await import('../config/project-folder.ts');
    const root = projectFolder({ ...MODELS, 'pipeline.yaml': yaml });
    const load = async (sets: string[] = []) =>
      buildGraph(await loadPipeline(join(root, 'pipeline.yaml'), sets), codeOf(FLAGSHIP_CODE));
    const first = await load();
    expect([...(await load()).tasks.values()]).toEqual([...first.tasks.values()]);
    const changed = await load(['stages.train.params.epochs=3']);
    expect(changed.tasks.get('train@mini,doc')!.params.epochs).toBe(3);
  });

  it('infers the inputs of a command and writes matrix values as quoted words', async () => {
    const graph = await plan(
      `
        version: 1
        stages:
          cells: { cmd: "true", matrix: { n: [1, 2] }, outputs: { a: a.txt, d: d/ } }
          all:
            cmd: go \${inputs.fan} \${matrix.who.name} \${matrix.who.text} \${matrix.who.list} \${params.x} \${HOME}
            matrix: { who: [{ name: ann, text: "it's $5", list: [a b, c] }] }
            params: { x: 1 }
            inputs: { fan: cells.a, file: a.txt, folder: data/, glob: "data/*", list: [a.txt, data/b.txt] }
          one: { cmd: "true", matrix: { n: [1] }, inputs: { f: cells.a, d: cells.d } }
      `,
      {},
      { 'a.txt': '', 'data/b.txt': '' },
    );
    const all = graph.tasks.get('all@ann')!;
    expect(all.code).toEqual({
      kind: 'command',
      command: "go ${inputs.fan} ann 'it'\\''s $5' 'a b' c ${params.x} ${HOME}",
    });
    expect(all.inputs.map(({ name, shape }) => `${name}: ${shape}`)).toEqual([
      'fan: fan-in',
      'file: file',
      'folder: folder',
      'glob: files',
      'list: files',
    ]);
    expect(graph.tasks.get('one@1')!.inputs.map(({ shape }) => shape)).toEqual(['file', 'folder']);
  });

  it('gives each cell a seed of its own where the matrix says so', async () => {
    const yaml = (values: string) => `
      version: 1
      stages: { a: { cmd: "true", matrix: { seed: ${values} }, seed: "\${matrix.seed}" } }
    `;
    const graph = await plan(yaml('[3, 5]'));
    expect([...graph.tasks.values()].map(({ stage }) => stage.seed)).toEqual([3, 5]);
    expect(await problemsOf(yaml('[3, -5, x]'))).toMatch(
      /a\.seed must be a whole number ≥ 0, not "x"\. \[bad-value\]/,
    );
  });

  it('takes a path outside the project and a linked folder', async () => {
    const yaml = (path: string) => `
      version: 1
      stages: { a: { use: a.ts, inputs: { x: "${path}" } } }
    `;
    const code: Declarations = { 'a.ts': { inputs: { x: { kind: 'folder' } } } };
    const { projectFolder } = await import('../config/project-folder.ts');
    const outside = projectFolder({ 'real/x.txt': '' });
    mkdirSync(join(outside, 'links'));
    symlinkSync(join(outside, 'real'), join(outside, 'links', 'wiki'));
    const graph = await plan(yaml(`${outside}/links/wiki/`), code);
    expect(input(graph, 'a', 'x')).toMatchObject({ patterns: [`${outside}/links/wiki`] });
  });

  it('spreads a folder in an input of several files', async () => {
    const graph = await plan(
      'version: 1\nstages: { a: { use: a.ts, inputs: { x: ./data } } }',
      { 'a.ts': { inputs: { x: { kind: 'files' } } } },
      { 'data/f': '' },
    );
    expect(input(graph, 'a', 'x')).toMatchObject({ patterns: ['data/**'], shape: 'files' });
  });

  it('leaves out an optional input that is not wired, and lets an optional file be missing', async () => {
    const code: Declarations = {
      'a.ts': {
        inputs: { x: { kind: 'file', optional: true }, y: { kind: 'folder', optional: true } },
      },
    };
    const graph = await plan('version: 1\nstages: { a: { use: a.ts, inputs: { y: gone } } }', code);
    expect(graph.tasks.get('a')!.inputs).toEqual([
      { kind: 'source', name: 'y', shape: 'folder', optional: true, patterns: ['gone'] },
    ]);
  });
});

describe('a plan that cannot be', () => {
  it('spells out circles, each once', async () => {
    const printed = await problemsOf(`
      version: 1
      stages:
        a: { cmd: "true", inputs: { x: c.o }, outputs: { o: o } }
        b: { cmd: "true", inputs: { x: a.o }, outputs: { o: o } }
        c: { cmd: "true", inputs: { y: b.o }, outputs: { o: o } }
        self: { cmd: "true", inputs: { z: self.o }, outputs: { o: o } }
        free: { cmd: "true", inputs: { z: a.o }, outputs: { o: o } }
    `);
    expect(printed).toBe(
      dedent(`
        pipeline.yaml:4:34: error: These stages wait for each other in a circle: a → b → c → a. [cycle]
          4 |   b: { cmd: "true", inputs: { x: a.o }, outputs: { o: o } }
            |                                  ^^^
          hint: Take input "x" of b from somewhere else.

        pipeline.yaml:6:37: error: The stage "self" reads its own output: self → self. [cycle]
          6 |   self: { cmd: "true", inputs: { z: self.o }, outputs: { o: o } }
            |                                     ^^^^^^
          hint: Take input "z" of self from somewhere else.
      `),
    );
  });

  it('names unknown stages, outputs, inputs, params and missing files, all at once', async () => {
    const printed = await problemsOf(
      `
        version: 1
        stages:
          extract: { use: extract.ts, inputs: { dev: data/sample/dve.jsonl, glob: "dat/*.txt" } }
          train:
            use: train.ts
            matrix: { model: [a, b] }
            inputs: { one: extrct.dev, two: extract.devv, thre: extract.dev, four: extract }
            params: { epoch: 3, rate: fast, kind: docc }
          fan: { use: fan.ts, inputs: { x: train.out, y: train.out } }
      `,
      {
        'extract.ts': {
          inputs: { dev: { kind: 'file' }, glob: { kind: 'files' } },
          outputs: { dev: { path: 'dev.jsonl' } },
        },
        'train.ts': {
          params: {
            type: 'object',
            required: ['needed'],
            properties: {
              epochs: { type: 'integer', default: 1 },
              rate: { type: 'number', default: 1 },
              kind: { anyOf: [{ const: 'doc' }, { const: 'temp' }] },
              needed: { type: 'string', description: 'What it needs.' },
            },
          },
          inputs: {
            one: { kind: 'file' },
            two: { kind: 'file' },
            three: { kind: 'file', description: 'The third.' },
            four: { kind: 'file' },
          },
        },
        'fan.ts': { inputs: { x: { kind: 'file' }, y: { kind: 'fan-in' } } },
      },
      { 'data/sample/dev.jsonl': '' },
    );
    expect(printed).toBe(
      dedent(`
        pipeline.yaml:3:46: error: Input "dev" of extract reads data/sample/dve.jsonl, but there is no data/sample/dve.jsonl. [missing-file]
          3 |   extract: { use: extract.ts, inputs: { dev: data/sample/dve.jsonl, glob: "dat/*.txt" } }
            |                                              ^^^^^^^^^^^^^^^^^^^^^
          hint: Did you mean "data/sample/dev.jsonl"?

        pipeline.yaml:3:75: error: Input "glob" of extract reads dat/*.txt, but there is no dat. [missing-file]
          3 |   extract: { use: extract.ts, inputs: { dev: data/sample/dve.jsonl, glob: "dat/*.txt" } }
            |                                                                           ^^^^^^^^^^^
          hint: Did you mean "data"?

        pipeline.yaml:4:3: error: train has no input "three", which its code needs. [missing-input]
          4 |   train:
            |   ^^^^^
          hint: Add "three: …" under inputs. The third.

        pipeline.yaml:7:20: error: Input "one" of train reads extrct.dev, but there is neither a stage "extrct" nor such a file. [unknown-stage]
          7 |     inputs: { one: extrct.dev, two: extract.devv, thre: extract.dev, four: extract }
            |                    ^^^^^^^^^^
          hint: Did you mean "extract.dev"?

        pipeline.yaml:7:37: error: Input "two" of train reads extract.devv, but extract has no output "devv". [unknown-output]
          7 |     inputs: { one: extrct.dev, two: extract.devv, thre: extract.dev, four: extract }
            |                                     ^^^^^^^^^^^^
          hint: Did you mean "extract.dev"?

        pipeline.yaml:7:51: error: train declares no input "thre". [unknown-input]
          7 |     inputs: { one: extrct.dev, two: extract.devv, thre: extract.dev, four: extract }
            |                                                   ^^^^
          hint: Did you mean "three"?

        pipeline.yaml:7:76: error: Input "four" of train reads extract, but there is no such file. [missing-file]
          7 |     inputs: { one: extrct.dev, two: extract.devv, thre: extract.dev, four: extract }
            |                                                                            ^^^^^^^
          hint: An upstream output is written STAGE.OUTPUT: extract.dev.

        pipeline.yaml:8:5: error: stages.train.params has no "needed". [missing-key]
          8 |     params: { epoch: 3, rate: fast, kind: docc }
            |     ^^^^^^
          hint: Add "needed". What it needs.

        pipeline.yaml:8:15: error: "epoch" is not a key of stages.train.params. [unknown-key]
          8 |     params: { epoch: 3, rate: fast, kind: docc }
            |               ^^^^^
          hint: Did you mean "epochs"?

        pipeline.yaml:8:31: error: stages.train.params.rate must be a number, not "fast". [bad-type]
          8 |     params: { epoch: 3, rate: fast, kind: docc }
            |                               ^^^^

        pipeline.yaml:8:43: error: stages.train.params.kind must be "doc" or "temp", not "docc". [bad-value]
          8 |     params: { epoch: 3, rate: fast, kind: docc }
            |                                           ^^^^
          hint: Did you mean "doc"?

        pipeline.yaml:9:36: error: Input "x" of fan takes one file, but 2 cells match: train@a, train@b. [fan-in]
          9 |   fan: { use: fan.ts, inputs: { x: train.out, y: train.out } }
            |                                    ^^^^^^^^^
          hint: Declare its kind as 'fan-in', or give fan the same matrix axis.
      `),
    );
  });

  it('refuses labels that cannot name a task', async () => {
    const printed = await problemsOf(`
      version: 1
      stages:
        a: { cmd: "true", matrix: { m: [x/y, 1, "1", [2], { path: p }] } }
    `);
    expect(printed.split('\n').filter((line) => line.includes('error:'))).toEqual([
      'pipeline.yaml:3:35: error: "x/y" of axis "m" of a cannot be a label. [bad-label]',
      'pipeline.yaml:3:43: error: Axis "m" of a has the label "1" twice. [duplicate-label]',
      'pipeline.yaml:3:48: error: The value [2] of axis "m" of a has no label. [bad-label]',
      'pipeline.yaml:3:53: error: The value {"path":"p"} of axis "m" of a has no label. [bad-label]',
    ]);
  });

  it('refuses an upstream matrix without an agreeing cell, and inputs of the wrong shape', async () => {
    const code: Declarations = {
      'a.ts': {
        inputs: {
          file: { kind: 'file' },
          glob: { kind: 'file' },
          folder: { kind: 'folder' },
          mixed: { kind: 'files' },
          fan: { kind: 'fan-in' },
        },
      },
    };
    const printed = await problemsOf(
      `
        version: 1
        stages:
          up: { cmd: "true", matrix: { m: [x] }, outputs: { o: o, d: d/ } }
          a:
            use: a.ts
            inputs: { file: data, glob: "data/*", folder: data/f, mixed: [data/f, up.o], fan: data/f }
          b: { cmd: "true", matrix: { m: [y] }, inputs: { u: up.o } }
      `,
      code,
      { 'data/f': '' },
    );
    expect(printed.split('\n').filter((line) => /error:|hint:/.test(line))).toEqual([
      'pipeline.yaml:6:21: error: Input "file" of a takes one file, not a folder. [bad-input]',
      "  hint: Name a file, or declare its kind as 'folder'.",
      'pipeline.yaml:6:33: error: Input "glob" of a takes one file, not a glob or a list. [bad-input]',
      "  hint: Name one file, or declare its kind as 'files'.",
      'pipeline.yaml:6:51: error: Input "folder" of a takes a folder, not a file. [bad-input]',
      "  hint: Name a folder, or declare its kind as 'file'.",
      'pipeline.yaml:6:66: error: Input "mixed" of a takes both upstream outputs and files. [mixed-input]',
      '  hint: Make it two inputs.',
      'pipeline.yaml:6:87: error: Input "fan" of a takes one entry a cell of a stage, not files. [bad-input]',
      '  hint: Name an output: STAGE.OUTPUT.',
      'pipeline.yaml:7:54: error: Input "u" of b finds no cell of up with the same m (y). [no-cell]',
      '  hint: Give both stages the same values there.',
    ]);
  });
});

it('takes a name of a stage with an ending for an output, and says how the file is written', async () => {
  const yaml = `
    version: 1
    stages:
      a: { cmd: "cat \${inputs.i} > \${outputs.o}", inputs: { i: a.txt }, outputs: { o: o.txt } }
  `;
  expect(await problemsOf(yaml, {}, { 'a.txt': '1' })).toBe(
    dedent(`
        pipeline.yaml:3:60: error: Input "i" of a reads a.txt, but a has no output "txt". [unknown-output]
          3 |   a: { cmd: "cat \${inputs.i} > \${outputs.o}", inputs: { i: a.txt }, outputs: { o: o.txt } }
            |                                                            ^^^^^
          hint: To mean the file, write "./a.txt".
    `),
  );
});
