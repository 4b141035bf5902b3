import { rmSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import type { Event } from '../../src/pipe/event.ts';
import { type DecideOptions, decide } from '../../src/pipe/run/decide.ts';
import { eventsOf, openProject, type Project } from './project.ts';

const PIPELINE = `version: 1
stages:
  one: { cmd: "cat \${inputs.a} > \${outputs.out}", inputs: { a: a.txt }, outputs: { out: out.txt } }
  two: { cmd: "cat \${inputs.a} > \${outputs.out}; echo 2 >> \${outputs.out}", inputs: { a: one.out }, outputs: { out: out.txt } }
  other: { cmd: "echo \${params.n} > \${outputs.out}", params: { n: 1 }, outputs: { out: out.txt } }
`;

let project: Project;
afterEach(() => project.remove());

async function decisions(more: Partial<DecideOptions> = {}) {
  const events: Event[] = [];
  const { graph, store } = await project.options();
  const summary = await decide({ graph, store, targets: [], ...more }, (event) =>
    events.push(event),
  );
  const decided = eventsOf(events, 'taskDecided');
  return { summary, decided, words: decided.map(({ task, decision }) => `${task} ${decision}`) };
}

it('says what would run, why, and what depends on it, and runs nothing', async () => {
  project = openProject({ 'pipeline.yaml': PIPELINE, 'a.txt': 'a\n' });
  const fresh = await decisions();
  expect(fresh.words.sort()).toEqual(['one run', 'other run', 'two unknown']);
  expect(fresh.decided.find(({ task }) => task === 'two')?.unsettled).toEqual(['one']);
  expect(project.store().traces.keys()).toEqual([]);
  await project.build();
  expect((await decisions()).summary).toMatchObject({ ran: 0, hits: 3, skipped: 0 });

  project.write('a.txt', 'b\n');
  project.write('pipeline.yaml', PIPELINE.replace('{ n: 1 }', '{ n: 2 }'));
  const edited = await decisions();
  expect(edited.summary).toMatchObject({ ran: 2, hits: 0, skipped: 1 });
  const changes = Object.fromEntries(edited.decided.map(({ task, changes }) => [task, changes]));
  expect(changes).toEqual({
    one: [
      {
        kind: 'input',
        input: 'a',
        file: 'a.txt',
        how: 'edited',
        before: expect.any(String),
        after: expect.any(String),
      },
    ],
    two: [],
    other: [{ kind: 'param', name: 'n', before: 1, after: 2 }],
  });
  expect(edited.decided.every(({ forecastMs }) => forecastMs !== undefined)).toBe(true);
  expect((await decisions({ targets: ['other'] })).words).toEqual(['other run']);
});

it('reports a lost blob and a forced target without touching the store', async () => {
  project = openProject({ 'pipeline.yaml': PIPELINE, 'a.txt': 'a\n' });
  await project.build();
  const forced = await decisions({ targets: ['two'], force: true });
  expect(forced.words).toEqual(['one hit', 'two run']);
  rmSync(project.store().blobs.path(digestOf('a\n')));
  const lost = await decisions({ targets: ['one'] });
  expect(lost.decided[0]?.changes).toEqual([{ kind: 'outputs-lost' }]);
  expect(project.store().traces.keys()).toHaveLength(3);
});
