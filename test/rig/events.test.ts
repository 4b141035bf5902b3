import { readFileSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { eventsSchema, schemaFile } from '../../tools/events-schema.mjs';
import { assertPublishedEvent } from './event-schema.ts';
import { makeProject, type RigProject } from './project.ts';

let project: RigProject | undefined;
afterEach(() => project?.remove());

it('is what the types say (renew it with `node tools/events-schema.mjs`)', () => {
  const committed = JSON.parse(readFileSync(schemaFile, 'utf8'));
  expect(committed).toEqual(JSON.parse(JSON.stringify(eventsSchema())));
});

it('refuses what is no event', () => {
  const hit = { type: 'taskHit', task: 'a', key: 'f'.repeat(64), notes: [], savedMs: 0 };
  expect(() => assertPublishedEvent(hit)).not.toThrow();
  expect(() => assertPublishedEvent({ ...hit, key: 'short' })).toThrow('/key');
  expect(() => assertPublishedEvent({ ...hit, more: 1 })).toThrow('additional');
  expect(() => assertPublishedEvent({ type: 'taskGone' })).toThrow();
});

it('holds for every kind of event that a run prints, the summary last', async () => {
  project = makeProject({
    'pipeline.yaml': `version: 1
stages:
  good: { cmd: "echo text; echo out > \${outputs.o}", outputs: { o: o.txt } }
  bad: { cmd: "exit 3", retries: 1, outputs: { o: o.txt } }
  after: { cmd: "true", inputs: { o: bad.o }, outputs: { p: p.txt } }
`,
  });
  // Each line is held against the schema as it is read.
  const failed = await project.run('--keep-going');
  expect(failed.code).toBe(1);
  expect([...new Set(failed.events.map(({ type }) => type))].sort()).toEqual([
    'runStarted',
    'summary',
    'taskFailed',
    'taskLog',
    'taskRan',
    'taskRetry',
    'taskSkipped',
    'taskStarted',
  ]);
  expect((await project.run('good', '--check')).events.at(-2)).toMatchObject({ same: true });
  expect((await project.run('--dry-run')).events.at(0)).toMatchObject({ type: 'taskDecided' });
});

it('is printed by `pipe schema --events`', async () => {
  project = makeProject({});
  const { stdout } = await project.pipe('schema', '--events');
  expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(schemaFile, 'utf8')));
});
