import { describe, expect, it } from 'vitest';
import { renderGraph } from '../../src/pipe/graph/render.ts';
import { dedent } from '../config/project-folder.ts';
import { plan } from './plan.ts';

const graph = () =>
  plan(
    `
      version: 1
      stages:
        a: { cmd: "true", matrix: { m: [x, y] }, inputs: { f: data.txt }, outputs: { o: o.txt, d: d/ } }
        b: { cmd: "true", params: { k: 1 }, inputs: { all: a.o, dirs: a.d } }
    `,
    {},
    { 'data.txt': '' },
  );

describe('renderGraph', () => {
  it('as text', async () => {
    expect(renderGraph(await graph(), 'text')).toBe(
      `${dedent(`
        a@x
          f ← data.txt
          o → o.txt
          d → d/
        a@y
          f ← data.txt
          o → o.txt
          d → d/
        b
          all ← a@x.o, a@y.o
          dirs ← a@x.d, a@y.d
      `)}\n`,
    );
  });

  it('as Mermaid', async () => {
    expect(renderGraph(await graph(), 'mermaid')).toBe(
      `${dedent(`
        flowchart TD
          t0["a@x"]
          t1["a@y"]
          t2["b"]
          t0 -->|"o, d"| t2
          t1 -->|"o, d"| t2
      `)}\n`,
    );
  });

  it('as dot', async () => {
    expect(renderGraph(await graph(), 'dot')).toBe(
      `${dedent(`
        digraph pipeline {
          node [shape=box];
          "a@x";
          "a@y";
          "b";
          "a@x" -> "b" [label="o, d"];
          "a@y" -> "b" [label="o, d"];
        }
      `)}\n`,
    );
  });

  it('as JSON', async () => {
    const { tasks } = JSON.parse(renderGraph(await graph(), 'json'));
    expect(tasks.map(({ id }: { id: string }) => id)).toEqual(['a@x', 'a@y', 'b']);
    expect(tasks[2]).toEqual({
      id: 'b',
      stage: 'b',
      cell: {},
      params: { k: 1 },
      inputs: [
        {
          name: 'all',
          kind: 'fan-in',
          from: [
            { task: 'a@x', output: 'o' },
            { task: 'a@y', output: 'o' },
          ],
        },
        {
          name: 'dirs',
          kind: 'fan-in',
          from: [
            { task: 'a@x', output: 'd' },
            { task: 'a@y', output: 'd' },
          ],
        },
      ],
      outputs: [],
      upstream: ['a@x', 'a@y'],
    });
    expect(tasks[0].inputs).toEqual([{ name: 'f', kind: 'file', files: ['data.txt'] }]);
  });
});
