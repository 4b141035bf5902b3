/** A longer run goes on from a finished shorter one where its stage declares that this is the same. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from './project.ts';

let project: RigProject;
afterEach(() => project.remove());

/** Counts up, one line an epoch; `down` counts from the end, so that no beginning is shared. */
const COUNT = `
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
`;

function counting(): RigProject {
  return makeProject({
    'pipeline.yaml': 'version: 1\nstages:\n  count:\n    use: stages/count.ts\n',
    'stages/count.ts': stageModule(COUNT),
  });
}

const setting = (values: Record<string, string | number>) =>
  Object.entries(values).flatMap(([name, value]) => [
    '--set',
    `stages.count.params.${name}=${value}`,
  ]);

/** What a run counted, and what it goes on from. */
async function run(values: Record<string, string | number>, ...words: string[]) {
  const outcome = await project.run(...setting(values), ...words);
  expect(outcome.code, outcome.stderr).toBe(0);
  const notes = outcome.events.flatMap((event) => (event.type === 'taskNote' ? [event.text] : []));
  return { notes, text: project.read('artifacts/count/out.txt') };
}

it('does only what lies beyond the shorter run, and says so before and after', async () => {
  project = counting();
  expect((await run({ epochs: 2 })).notes).toEqual(['counted 2']);
  const why = await project.pipe('why', 'count', ...setting({ epochs: 4 }));
  expect(why.stdout).toContain('param epochs: 2 → 4');
  expect(why.stdout).toContain('it goes on from the finished run with epochs 2');
  const longer = await run({ epochs: 4 });
  expect(longer.notes).toEqual(['goes on from the finished run with epochs 2', 'counted 2']);
  expect(longer.text).toBe('epoch 0\nepoch 1\nepoch 2\nepoch 3');
  expect((await run({ epochs: 5 })).notes).toEqual([
    'goes on from the finished run with epochs 4',
    'counted 1',
  ]);
});

it('makes a shorter run from nothing, or from a finished one that is shorter still', async () => {
  project = counting();
  await run({ epochs: 4 });
  const shorter = await run({ epochs: 2 });
  expect(shorter).toEqual({ notes: ['counted 2'], text: 'epoch 0\nepoch 1' });
  expect((await run({ epochs: 3 })).notes[0]).toBe('goes on from the finished run with epochs 2');
});

it('goes on from nothing where the condition does not hold, or anything else differs', async () => {
  project = counting();
  await run({ epochs: 2, way: 'down' });
  const down = await run({ epochs: 4, way: 'down' });
  expect(down).toEqual({ notes: ['counted 4'], text: '4 left\n3 left\n2 left\n1 left' });
  await run({ epochs: 2 });
  expect((await run({ epochs: 4, other: 1 })).notes).toEqual(['counted 4']);
});

it('makes what is forced, and what is checked, from nothing', async () => {
  project = counting();
  await run({ epochs: 2 });
  await run({ epochs: 4 });
  expect((await run({ epochs: 4 }, '--force')).notes).toEqual(['counted 4']);
  const check = await project.pipe('run', '--check', ...setting({ epochs: 4 }));
  expect(check.code, check.stderr).toBe(0);
});

it('starts from nothing when the kept state is damaged', async () => {
  project = counting();
  await run({ epochs: 2 });
  const folder = join(project.folder, 'cache', 'checkpoints');
  const states = readdirSync(folder).map((name) => join(folder, name, 'state'));
  expect(states.filter(existsSync)).toHaveLength(1);
  writeFileSync(states[0]!, 'not a state');
  expect((await run({ epochs: 4 })).notes).toEqual(['counted 4']);
});

it('is refused where it names no whole-number param', async () => {
  project = makeProject({
    'pipeline.yaml': 'version: 1\nstages:\n  count:\n    use: stages/count.ts\n',
    'stages/count.ts': stageModule(COUNT.replace("param: 'epochs'", "param: 'epoch'")),
  });
  const outcome = await project.pipe('run');
  expect(outcome.code).toBe(2);
  expect(outcome.stderr).toContain('"extendable" names "epoch", which is no param');
});
