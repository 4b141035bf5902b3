import { renameSync, rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Event } from '../../src/pipe/event.ts';
import { watch } from '../../src/pipe/run/watch.ts';
import { eventsOf, openProject, type Project, stage, until } from './project.ts';

const COPY = stage(`
import { readFileSync, writeFileSync } from 'node:fs';
export default defineStage({
  description: 'a copy',
  params: Type.Object({}),
  inputs: { text: { kind: 'file' } },
  outputs: { copy: { path: 'copy.txt', display: true } },
  run(context) {
    writeFileSync(context.outputs.copy, 'copy of ' + readFileSync(context.inputs.text.path, 'utf8'));
  },
});
`);

const PIPELINE = `version: 1
stages:
  head: { cmd: "head -n 1 \${inputs.a} > \${outputs.out}", inputs: { a: data/a.txt }, outputs: { out: out.txt } }
  copy: { use: stages/copy.ts, inputs: { text: head.out } }
  slow: { cmd: "cat \${inputs.b} \${inputs.h} > \${outputs.out}; sleep 2", inputs: { b: data/b.txt, h: head.out }, outputs: { out: out.txt } }
`;

let project: Project;
let events: Event[];
let stop: AbortController;
let watching: Promise<void>;

beforeEach(() => {
  project = openProject({
    'pipeline.yaml': PIPELINE,
    'stages/copy.ts': COPY,
    'data/a.txt': 'first\nsecond\n',
    'data/b.txt': 'b\n',
  });
});

afterEach(async () => {
  stop.abort();
  await watching;
  project.remove();
});

async function start(targets: readonly string[]): Promise<void> {
  events = [];
  stop = new AbortController();
  const { graph: _, ...options } = await project.options({ targets });
  watching = watch(
    {
      ...options,
      load: project.graph,
      pipelineFile: project.path('pipeline.yaml'),
      signal: stop.signal,
    },
    (event) => events.push(event),
  );
}

const summaries = () => eventsOf(events, 'summary');
const last = <T>(items: readonly T[]) => items.at(-1);

async function settled(count: number): Promise<void> {
  await until(() => summaries().length >= count);
}

describe('watch', () => {
  it('rebuilds what a changed file touches, and cuts off behind it', async () => {
    await start(['copy']);
    await settled(1);
    project.write('data/a.txt', 'first\nother\n'); // head gives the same line
    await settled(2);
    expect(last(summaries())).toMatchObject({ ran: 1, hits: 1 });
    expect(last(eventsOf(events, 'filesChanged'))).toMatchObject({
      files: ['data/a.txt'],
      stale: ['head'],
      cancelled: [],
    });
    project.write('data/a.txt', 'FIRST\n');
    await settled(3);
    expect(last(eventsOf(events, 'display'))?.text).toBe('copy of FIRST\n');
  });

  it('survives a broken file, an atomic save and a folder that goes and comes back', async () => {
    await start(['copy']);
    await settled(1);
    project.write('pipeline.yaml', `${PIPELINE}  oops: [`);
    await until(() => eventsOf(events, 'diagnostics').length > 0);
    project.write('pipeline.yaml', PIPELINE.replace('head -n 1', 'tail -n 1'));
    await settled(2);
    expect(last(eventsOf(events, 'display'))?.text).toBe('copy of second\n');
    project.write('stages/.copy.ts.swp', COPY.replace('copy of', 'another'));
    renameSync(project.path('stages/.copy.ts.swp'), project.path('stages/copy.ts'));
    await settled(3);
    expect(last(eventsOf(events, 'display'))?.text).toBe('another second\n');
    rmSync(project.path('data'), { recursive: true });
    await until(() => eventsOf(events, 'diagnostics').length > 1);
    project.write('data/b.txt', 'b\n');
    project.write('data/a.txt', 'back\n');
    await settled(4);
    expect(last(eventsOf(events, 'display'))?.text).toBe('another back\n');
  });

  it('cancels what became stale and leaves the rest running', async () => {
    await start(['slow', 'copy']);
    await until(() => eventsOf(events, 'taskStarted').some(({ task }) => task === 'slow'));
    await until(() => eventsOf(events, 'taskRan').some(({ task }) => task === 'copy'));
    project.write('stages/copy.ts', COPY.replace('copy of', 'another'));
    await settled(1);
    const starts = () => eventsOf(events, 'taskStarted').filter(({ task }) => task === 'slow');
    expect(starts()).toHaveLength(1); // it was left alone and served the second build
    project.write('data/b.txt', 'c\n');
    await until(() => starts().length === 2);
    project.write('data/a.txt', 'x\n'); // slow is behind head, whose output changes
    await until(() => starts().length === 3);
    expect(eventsOf(events, 'filesChanged').flatMap(({ cancelled }) => cancelled)).toEqual([
      'slow',
    ]);
    await settled(2); // the build in between was taken over before it could speak for the targets
    expect(project.read('artifacts/slow/out.txt')).toBe('c\nx\n');
  });
});
