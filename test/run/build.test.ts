import { lstatSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, openProject, type Project, stage } from './project.ts';

const SPLIT = stage(`
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
export default defineStage({
  description: 'one file a line',
  params: Type.Object({ upper: Type.Boolean({ default: false }) }),
  inputs: { text: { kind: 'file' } },
  outputs: { lines: { path: 'lines/' } },
  run(context) {
    const lines = readFileSync(context.inputs.text.path, 'utf8').trim().split('\\n');
    for (const [index, line] of lines.entries()) {
      const text = context.params.upper ? line.toUpperCase() : line;
      writeFileSync(join(context.outputs.lines, index + '.txt'), text);
      context.progress(index + 1, lines.length, 'lines', { last: line.length });
    }
    context.note(lines.length + ' lines');
    context.metric({ lines: lines.length });
    console.log('split');
  },
});
`);

const COUNT = stage(`
import { readFileSync, writeFileSync } from 'node:fs';
export default defineStage({
  description: 'characters',
  params: Type.Object({}),
  inputs: { lines: { kind: 'folder' } },
  outputs: { count: { path: 'count.json' } },
  run(context) {
    const sizes = context.inputs.lines.files.map((file) => [file.name, readFileSync(file.path, 'utf8').length]);
    writeFileSync(context.outputs.count, JSON.stringify(sizes) + '\\n');
  },
});
`);

const TABLE = stage(`
import { readFileSync, writeFileSync } from 'node:fs';
export default defineStage({
  description: 'a table',
  params: Type.Object({}),
  inputs: { count: { kind: 'file' } },
  outputs: { table: { path: 'table.txt', display: true } },
  run(context) {
    const sizes = JSON.parse(readFileSync(context.inputs.count.path, 'utf8'));
    writeFileSync(context.outputs.table, sizes.map(([name, size]) => name + ' ' + size + '\\n').join(''));
  },
});
`);

const PIPELINE = `version: 1
stages:
  split: { use: stages/split.ts, inputs: { text: text.txt } }
  count: { use: stages/count.ts, inputs: { lines: split.lines } }
  table: { use: stages/table.ts, inputs: { count: count.count } }
`;

let project: Project;
afterEach(() => project.remove());

function threeStages(): Project {
  return openProject({
    'pipeline.yaml': PIPELINE,
    'stages/split.ts': SPLIT,
    'stages/count.ts': COUNT,
    'stages/table.ts': TABLE,
    'text.txt': 'one\nthree\n',
  });
}

describe('a pipeline of module stages', () => {
  it('runs once, then is all hits, and shows its table both times', async () => {
    project = threeStages();
    const first = await project.build({ targets: ['table'] });
    expect(first.summary).toMatchObject({ ran: 3, hits: 0, failed: 0, skipped: 0 });
    expect(first.ran).toEqual(['split', 'count', 'table']);
    expect(project.read('artifacts/split/lines/1.txt')).toBe('three');
    expect(project.read('artifacts/table/table.txt')).toBe('0.txt 3\n1.txt 5\n');
    expect(eventsOf(first.events, 'display')).toMatchObject([{ text: '0.txt 3\n1.txt 5\n' }]);
    const second = await project.build({ targets: ['table'] });
    expect(second.summary).toMatchObject({ ran: 0, hits: 3 });
    expect(eventsOf(second.events, 'display')).toHaveLength(1);
    expect(eventsOf(second.events, 'taskHit')[0]?.notes).toEqual(['2 lines']);
    expect(eventsOf(second.events, 'warning')).toEqual([]);
  });

  it('cuts off where an output comes out equal, and finds earlier values again', async () => {
    project = threeStages();
    await project.build();
    project.write('text.txt', 'two\nseven\n'); // other words, equal lengths
    const cut = await project.build();
    expect(cut.ran).toEqual(['split', 'count']);
    expect(eventsOf(cut.events, 'taskRan').at(-1)?.changedOutputs).toEqual([]);
    project.write('text.txt', 'one\nthree\n');
    expect((await project.build()).summary).toMatchObject({ ran: 0, hits: 3 });
  });

  it('says what changed, records notes, metrics, cost and progress', async () => {
    project = threeStages();
    await project.build();
    project.write(
      'pipeline.yaml',
      PIPELINE.replace('text.txt }', 'text.txt }, params: { upper: true }'),
    );
    const { events } = await project.build();
    expect(eventsOf(events, 'taskStarted')[0]?.changes).toEqual([
      { kind: 'param', name: 'upper', before: false, after: true },
    ]);
    expect(eventsOf(events, 'taskProgress').at(-1)).toMatchObject({ done: 2, total: 2 });
    expect(eventsOf(events, 'taskRan')[0]?.peakRssBytes).toBeGreaterThan(1e7);
    const trace = project.store().traces.ofTask('split')[0];
    expect(trace?.metrics).toEqual({ lines: 2 });
    const record = project.store().runs.get(project.store().runs.list()[0] ?? '');
    expect(record?.tasks.map(({ task, outcome }) => `${task} ${outcome}`)).toEqual([
      'split ran',
      'count ran',
      'table hit',
    ]);
  });

  it('forces the target alone', async () => {
    project = threeStages();
    await project.build();
    const { ran, events } = await project.build({ targets: ['count'], force: true });
    expect(ran).toEqual(['count']);
    expect(eventsOf(events, 'taskStarted')[0]?.changes).toEqual([{ kind: 'forced' }]);
  });

  it('keeps read-only artifacts that share no writable name with the store', async () => {
    project = threeStages();
    await project.build();
    expect(lstatSync(project.path('artifacts/count/count.json')).mode & 0o222).toBe(0);
  });
});

it('compares what a task makes ready with what waits, before the next one starts', async () => {
  const copy = (from: string, name: string) =>
    `{ cmd: "cat \${inputs.a} > \${outputs.o}; echo ${name} >> \${outputs.o}", inputs: { a: ${from} }, outputs: { o: o.txt } }`;
  project = openProject({
    'pipeline.yaml': `version: 1
stages:
  first: ${copy('a.txt', 'first')}
  other: ${copy('a.txt', 'other')}
  second: ${copy('first.o', 'second')}
  third: ${copy('second.o', 'third')}
`,
    'a.txt': 'text\n',
  });
  const { events } = await project.build({ jobs: 1 });
  const started = eventsOf(events, 'taskStarted').map(({ task }) => task);
  // Behind second lies more than behind other, which had been waiting all the while.
  expect(started).toEqual(['first', 'second', 'other', 'third']);
});
