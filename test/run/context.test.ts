/** What a stage is handed: inputs of every shape, the memo, the environment, a place to write. */
import { afterEach, describe, expect, it } from 'vitest';
import type { Json } from '../../src/pipe/json.ts';
import { openProject, type Project, stage } from './project.ts';

const MAKE = stage(`
import { mkdirSync, writeFileSync } from 'node:fs';
export default defineStage({
  description: 'a folder and a file a cell',
  params: Type.Object({ model: Type.String(), size: Type.Number() }),
  inputs: {},
  outputs: { parts: { path: 'parts/' }, size: { path: 'size.txt' } },
  run({ params, outputs }) {
    mkdirSync(outputs.parts + '/deep');
    writeFileSync(outputs.parts + '/deep/' + params.model, 'part of ' + params.model);
    writeFileSync(outputs.size, String(params.size));
  },
});
`);

const LOOK = stage(`
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
const shown = (input) => input.files.map(({ name, cell, path }) => {
  let text = '';
  try { text = readFileSync(path, 'utf8'); } catch { text = 'a folder'; }
  return [name, cell, text];
});
export default defineStage({
  description: 'writes down what it sees',
  params: Type.Object({}),
  inputs: {
    one: { kind: 'file' },
    glob: { kind: 'files' },
    folder: { kind: 'folder' },
    sizes: { kind: 'fan-in' },
    parts: { kind: 'folder' },
    nothing: { kind: 'file', optional: true },
  },
  outputs: { seen: { path: 'seen.json' } },
  run(context) {
    const { one, glob, folder, sizes, parts, nothing } = context.inputs;
    const memo = context.memo('lengths', 1);
    const known = memo.get('key') !== undefined;
    memo.set('key', Buffer.from('value'));
    writeFileSync(context.scratch + '/note', 'temporary');
    const seen = {
      one: readFileSync(one.path, 'utf8'),
      glob: shown(glob),
      folder: shown(folder),
      listed: readdirSync(folder.path).sort(),
      sizes: shown(sizes),
      parts: shown(parts),
      nothing: nothing === undefined ? 'absent' : nothing.files.length,
      seed: context.seed,
      inTemporary: tmpdir() === context.scratch,
      environment: Object.keys(process.env).filter((name) => !['PATH', 'HOME', 'TMPDIR'].includes(name)).sort(),
      memo: Buffer.from(memo.get('key')).toString(),
    };
    context.note('memo was ' + (known ? 'known' : 'new'));
    writeFileSync(context.outputs.seen, JSON.stringify(seen));
  },
});
`);

const PIPELINE = `version: 1
stages:
  make:
    use: stages/make.ts
    matrix: { model: [big, small], size: [1, 2] }
    params: { model: "\${matrix.model}", size: "\${matrix.size}" }
  look:
    use: stages/look.ts
    matrix: { model: [big, small] }
    env: [PIPE_TEST_COLOUR]
    inputs:
      one: data/a.txt
      glob: "data/*.txt"
      folder: data
      sizes: make.size
      parts: fixed.parts
  fixed: { use: stages/make.ts, params: { model: fixed, size: 3 } }
`;

let project: Project;
afterEach(() => {
  delete process.env.PIPE_TEST_COLOUR;
  project.remove();
});

describe('a stage', () => {
  it('sees its inputs and nothing else of the world', async () => {
    project = openProject({
      'pipeline.yaml': PIPELINE,
      'stages/make.ts': MAKE,
      'stages/look.ts': LOOK,
      'data/a.txt': 'A',
      'data/b.txt': 'B',
      'data/deep/c.md': 'C',
      'data/.hidden': 'hidden',
    });
    process.env.PIPE_TEST_COLOUR = 'green';
    const { summary, events } = await project.build();
    expect(events.filter(({ type }) => type === 'taskFailed')).toEqual([]);
    // look@big and look@small see the same, so one of them runs.
    expect(summary).toMatchObject({ ran: 6, hits: 1, failed: 0 });
    const seen = JSON.parse(project.read('artifacts/look@big/seen.json')) as Record<string, Json>;
    expect(seen).toEqual({
      one: 'A',
      glob: [
        ['a.txt', {}, 'A'],
        ['b.txt', {}, 'B'],
      ],
      folder: [
        ['.hidden', {}, 'hidden'],
        ['a.txt', {}, 'A'],
        ['b.txt', {}, 'B'],
        ['deep/c.md', {}, 'C'],
      ],
      listed: ['.hidden', 'a.txt', 'b.txt', 'deep'],
      sizes: [
        ['size.txt', { size: '1' }, '1'],
        ['size.txt', { size: '2' }, '2'],
      ],
      parts: [['deep/fixed', {}, 'part of fixed']],
      nothing: 'absent',
      seed: 0,
      inTemporary: true,
      environment: ['PIPE_TEST_COLOUR', 'PIPE_THREADS'],
      memo: 'value',
    });
    expect(project.read('artifacts/make@small,2/parts/deep/small')).toBe('part of small');
    process.env.PIPE_TEST_COLOUR = 'red';
    const second = await project.build();
    expect(second.summary).toMatchObject({ ran: 1, hits: 6 });
    const [again = ''] = second.ran;
    expect(project.store().traces.ofTask(again)[0]?.notes).toEqual(['memo was known']);
  });
});
