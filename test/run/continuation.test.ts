/** A longer run goes on from a finished shorter one where its stage declares that this is the same. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { decide } from '../../src/pipe/run/decide.ts';
import { eventsOf, type Options, openProject, type Project, stage } from './project.ts';

let project: Project;
afterEach(() => project.remove());

/** Counts up, one line an epoch; `down` counts from the end, so that no beginning is shared. */
const COUNT = stage(`
import { writeFileSync } from 'node:fs';
export default defineStage({
  description: 'counts',
  params: Type.Object({
    epochs: Type.Integer({ default: 2 }),
    way: Type.String({ default: 'up' }),
    other: Type.Number({ default: 0 }),
  }),
  extendable: { param: 'epochs', when: { way: 'up' } },
  inputs: {},
  outputs: { out: { path: 'out.txt' } },
  run({ outputs, params: { epochs, way }, checkpoint, note }) {
    const saved = checkpoint.load();
    const lines = saved ? Buffer.from(saved).toString().split('\\n') : [];
    let counted = 0;
    while (lines.length < epochs) {
      lines.push(way === 'up' ? 'epoch ' + lines.length : (epochs - lines.length) + ' left');
      counted += 1;
    }
    checkpoint.save(Buffer.from(lines.join('\\n')));
    note('counted ' + counted);
    writeFileSync(outputs.out, lines.join('\\n'));
  },
});
`);

type Params = { epochs: number; way?: string; other?: number };

function set(params: Params): void {
  const stages = { count: { use: 'stages/count.ts', params } };
  project.write('pipeline.yaml', JSON.stringify({ version: 1, stages }));
}

/** The notes of a run with these params, and what it wrote. */
async function run(params: Params, more: Options = {}) {
  set(params);
  const { events, summary } = await project.build(more);
  expect(summary.failed).toBe(0);
  const notes = eventsOf(events, 'taskNote').map(({ text }) => text);
  return { notes, text: project.read('artifacts/count/out.txt') };
}

async function changesOf(params: Params) {
  set(params);
  const decided: unknown[] = [];
  await decide(await project.options(), (event) => {
    if (event.type === 'taskDecided') decided.push(...event.changes);
  });
  return decided;
}

it('does only what lies beyond the shorter run, and says so before and after', async () => {
  project = openProject({ 'stages/count.ts': COUNT });
  expect((await run({ epochs: 2 })).notes).toEqual(['counted 2']);
  expect(await changesOf({ epochs: 4 })).toEqual([
    { kind: 'param', name: 'epochs', before: 2, after: 4 },
    { kind: 'goes-on', param: 'epochs', from: 2 },
  ]);
  const longer = await run({ epochs: 4 });
  expect(longer.notes).toEqual(['goes on from the finished run with epochs 2', 'counted 2']);
  expect(longer.text).toBe('epoch 0\nepoch 1\nepoch 2\nepoch 3');
  const longest = await run({ epochs: 5 });
  expect(longest.notes).toEqual(['goes on from the finished run with epochs 4', 'counted 1']);
  // What is forced is made from nothing.
  expect((await run({ epochs: 5 }, { force: true })).notes).toEqual(['counted 5']);
});

it('makes a shorter run from nothing, or from a finished one that is shorter still', async () => {
  project = openProject({ 'stages/count.ts': COUNT });
  await run({ epochs: 4 });
  expect(await run({ epochs: 2 })).toEqual({ notes: ['counted 2'], text: 'epoch 0\nepoch 1' });
  expect((await run({ epochs: 3 })).notes[0]).toBe('goes on from the finished run with epochs 2');
});

it('begins anew where the condition does not hold, or anything else differs', async () => {
  project = openProject({ 'stages/count.ts': COUNT });
  await run({ epochs: 2, way: 'down' });
  const down = await run({ epochs: 4, way: 'down' });
  expect(down).toEqual({ notes: ['counted 4'], text: '4 left\n3 left\n2 left\n1 left' });
  await run({ epochs: 2 });
  expect((await run({ epochs: 4, other: 1 })).notes).toEqual(['counted 4']);
});

it('begins anew where the kept state is damaged', async () => {
  project = openProject({ 'stages/count.ts': COUNT });
  await run({ epochs: 2 });
  const folder = project.path('cache/checkpoints');
  const kept = readdirSync(folder);
  expect(kept).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.2$/)]);
  writeFileSync(join(folder, kept[0]!, 'state'), 'not a state');
  expect((await run({ epochs: 4 })).notes).toEqual(['counted 4']);
});

it('is refused where it names no whole-number param', async () => {
  for (const [param, problem] of [
    ['epoch', '"extendable" names "epoch", which is no param'],
    ['way', '"extendable" names "way", which is no Type.Integer()'],
  ] as const) {
    const text = COUNT.replace("param: 'epochs'", `param: '${param}'`);
    project = openProject({ 'stages/count.ts': text });
    set({ epochs: 1 });
    await expect(project.graph()).rejects.toMatchObject({
      diagnostics: [{ message: expect.stringContaining(problem) }],
    });
    if (param === 'epoch') project.remove();
  }
});
