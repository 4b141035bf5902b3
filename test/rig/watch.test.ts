import type { ChildProcess } from 'node:child_process';
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { Event } from '../../src/pipe/event.ts';
import { assertPublishedEvent } from './event-schema.ts';
import { makeProject, type RigProject } from './project.ts';

let project: RigProject;
let watcher: ChildProcess | undefined;
afterEach(() => {
  watcher?.kill('SIGKILL');
  project.remove();
});

const PIPELINE = `version: 1
stages:
  upper:
    cmd: tr a-z A-Z < \${inputs.text} > \${outputs.out}
    inputs: { text: data/a.txt }
    outputs: { out: out.txt }
  other:
    cmd: cat \${inputs.text} > \${outputs.out}
    inputs: { text: data/b.txt }
    outputs: { out: out.txt }
`;

/** Reads the watcher's events; `summary()` waits for the next one and hands over what came before. */
function follow(child: ChildProcess): { summary(): Promise<Event[]> } {
  let rest = '';
  let events: Event[] = [];
  const waiting: ((events: Event[]) => void)[] = [];
  const rounds: Event[][] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const event = JSON.parse(line) as Event;
      assertPublishedEvent(event);
      events.push(event);
      if (event.type !== 'summary') continue;
      const wake = waiting.shift();
      if (wake === undefined) rounds.push(events);
      else wake(events);
      events = [];
    }
  });
  return {
    summary: () => {
      const round = rounds.shift();
      return round === undefined
        ? new Promise((resolve) => waiting.push(resolve))
        : Promise.resolve(round);
    },
  };
}

const ranIn = (events: readonly Event[]) =>
  events.flatMap((event) => (event.type === 'taskRan' ? [event.task] : []));

it('rebuilds just what an edit touches and says which file caused it', async () => {
  project = makeProject({ 'pipeline.yaml': PIPELINE, 'data/a.txt': 'one\n', 'data/b.txt': 'b\n' });
  watcher = project.start('watch', '--json');
  const rounds = follow(watcher);
  expect(ranIn(await rounds.summary()).sort()).toEqual(['other', 'upper']);

  await settled();
  project.write('data/a.txt', 'two\n');
  const second = await rounds.summary();
  expect(ranIn(second)).toEqual(['upper']);
  expect(second).toContainEqual(
    expect.objectContaining({ type: 'filesChanged', files: ['data/a.txt'], stale: ['upper'] }),
  );
  expect(project.read('artifacts/upper/out.txt')).toBe('TWO\n');

  // An editor's atomic save: a new file renamed over the old one.
  await settled();
  project.write('data/a.txt.tmp', 'three\n');
  renameSync(join(project.folder, 'data/a.txt.tmp'), join(project.folder, 'data/a.txt'));
  expect(ranIn(await rounds.summary())).toEqual(['upper']);

  await settled();
  project.write('pipeline.yaml', PIPELINE.replace('cat ', 'sort '));
  expect(ranIn(await rounds.summary())).toEqual(['other']);
}, 60_000);

it('survives a broken pipeline.yaml and goes on once it is mended', async () => {
  project = makeProject({ 'pipeline.yaml': PIPELINE, 'data/a.txt': 'one\n', 'data/b.txt': 'b\n' });
  watcher = project.start('watch', '--json');
  const rounds = follow(watcher);
  await rounds.summary();
  await settled();
  project.write('pipeline.yaml', PIPELINE.replace('cmd: tr', 'cmdd: tr'));
  await settled(1500);
  project.write('pipeline.yaml', PIPELINE.replace('tr a-z A-Z', 'tr a-y A-Y'));
  const next = await rounds.summary();
  expect(next).toContainEqual(expect.objectContaining({ type: 'diagnostics' }));
  expect(ranIn(next)).toEqual(['upper']);
}, 60_000);

/** Long enough for the watcher to be watching and for the last save to be a save of its own. */
function settled(ms = 700): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
