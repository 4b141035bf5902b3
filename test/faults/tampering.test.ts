import {
  chmodSync,
  existsSync,
  linkSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import type { Event } from '../../src/pipe/event.ts';
import { eventsOf, openProject, type Project, until } from '../run/project.ts';

let project: Project;
afterEach(() => project.remove());

const warnings = (events: readonly Event[]) =>
  eventsOf(events, 'warning').map(({ message }) => message);

describe('what lies in the store and in artifacts/', () => {
  beforeEach(async () => {
    project = openProject({
      'pipeline.yaml': `version: 1
stages:
  first: { cmd: "cat \${inputs.a} > \${outputs.out}", inputs: { a: a.txt }, outputs: { out: out.txt } }
  parts: { cmd: "mkdir \${outputs.all}/x; echo 1 > \${outputs.all}/x/1; cat \${inputs.a} > \${outputs.all}/2", inputs: { a: first.out }, outputs: { all: all/ } }
`,
      'a.txt': 'text\n',
    });
    await project.build();
  });

  it('heals a corrupt blob by building it again', async () => {
    const blob = project.store().blobs.path(digestOf('1\n'));
    chmodSync(blob, 0o644);
    writeFileSync(blob, '2\n');
    const { events, ran } = await project.build();
    expect(ran).toEqual(['parts']);
    expect(warnings(events)[0]).toBe(
      'parts: output all is corrupt in the store; building it again',
    );
    expect(eventsOf(events, 'taskStarted')[0]?.changes).toEqual([{ kind: 'outputs-lost' }]);
    expect(project.read('artifacts/parts/all/x/1')).toBe('1\n');
    expect((await project.build()).summary).toMatchObject({ ran: 0, hits: 2 });
  });

  it('rebuilds a lost blob, and only what needs it', async () => {
    rmSync(project.store().blobs.path(digestOf('text\n')), { force: true });
    expect((await project.build()).ran).toEqual(['first']);
    expect((await project.build()).ran).toEqual([]);
  });

  it('restores an artifact that was edited by hand, without harm to the store', async () => {
    const path = project.path('artifacts/first/out.txt');
    unlinkSync(path); // as editors do: a new file under the old name
    writeFileSync(path, 'edited');
    const { events, summary } = await project.build();
    expect(summary.ran).toBe(0);
    expect(warnings(events)).toEqual([
      'artifacts/first/out.txt: changed by hand; restored from the store',
    ]);
    expect(project.read('artifacts/first/out.txt')).toBe('text\n');
  });

  it('heals the store when someone forces a write through a read-only artifact', async () => {
    chmodSync(project.path('artifacts/first/out.txt'), 0o644);
    writeFileSync(project.path('artifacts/first/out.txt'), 'forced');
    const { events } = await project.build();
    expect(warnings(events).length).toBeGreaterThan(0);
    expect(project.read('artifacts/first/out.txt')).toBe('text\n');
    expect(warnings((await project.build()).events)).toEqual([]);
  });

  it('restores deleted artifacts and removes those of an earlier product', async () => {
    rmSync(project.path('artifacts/parts'), { recursive: true });
    const { events } = await project.build();
    expect(warnings(events)).toEqual([
      'artifacts/parts/all/2, artifacts/parts/all/x/1: deleted; restored from the store',
    ]);
    const yaml = project.read('pipeline.yaml');
    project.write('pipeline.yaml', yaml.replace(`echo 1 > \${outputs.all}/x/1`, 'true'));
    const second = await project.build();
    expect(warnings(second.events)).toEqual([]);
    expect(existsSync(project.path('artifacts/parts/all/x/1'))).toBe(false);
  });
});

describe('an input that changes while it is read', () => {
  const READER = (body: string) => `version: 1
stages:
  reader: { cmd: ${JSON.stringify(body)}, inputs: { a: a.txt }, outputs: { out: out.txt } }
`;

  it('voids the result; the task runs again on what is there now', async () => {
    const body = `cat \${inputs.a} > \${outputs.out}; sleep 0.5`;
    project = openProject({ 'pipeline.yaml': READER(body), 'a.txt': 'before\n' });
    const { handle, events } = await project.start();
    await until(() => handle.running().has('reader'));
    await new Promise((done) => setTimeout(done, 150));
    project.write('a.txt', 'after\n');
    expect(await handle.done).toMatchObject({ ran: 1, failed: 0 });
    expect(eventsOf(events, 'taskStarted')).toHaveLength(2);
    expect(warnings(events)[0]).toContain('a.txt changed while the task read it');
    expect(project.read('artifacts/reader/out.txt')).toBe('after\n');
    expect(project.store().traces.keys()).toHaveLength(1); // nothing is kept of the void one
  });

  it('fails when it never comes to rest', async () => {
    const body = `cat \${inputs.a} > \${outputs.out}; date +%N >> \${inputs.a}`;
    project = openProject({ 'pipeline.yaml': READER(body), 'a.txt': 'before\n' });
    const { events, summary } = await project.build();
    expect(summary).toMatchObject({ ran: 0, failed: 1 });
    expect(eventsOf(events, 'taskFailed')[0]?.reason).toBe('input-changed');
    expect(eventsOf(events, 'taskStarted')).toHaveLength(3);
    expect(readdirSync(project.path('cache/scratch'))).toEqual([]);
  });
});

describe('a command and its inputs', () => {
  it('cannot smuggle a stored blob out as a writable output', async () => {
    project = openProject({
      'pipeline.yaml': `version: 1
stages:
  first: { cmd: "echo text > \${outputs.out}", outputs: { out: out.txt } }
  moved: { cmd: "mv \${inputs.a} \${outputs.out}", inputs: { a: first.out }, outputs: { out: other.txt } }
`,
    });
    expect((await project.build()).summary).toMatchObject({ ran: 2, failed: 0 });
    const blob = project.store().blobs.path(digestOf('text\n'));
    expect(existsSync(blob)).toBe(true);
    linkSync(blob, project.path('again'));
    expect(project.read('artifacts/moved/other.txt')).toBe('text\n');
    expect((await project.build()).summary).toMatchObject({ ran: 0, hits: 2 });
  });
});
