/**
 * The histories of the property tests through real processes: the command line, a real shell, and
 * `kill -9` at a random change to the disk. Fewer of them, since each takes seconds.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { killedAt, pipe } from '../faults/faulty.ts';
import { makeProject, type RigProject } from '../rig/project.ts';
import { applyEdit, edits, expectedOf, type World, worlds, yamlOf } from './world.ts';

const CASES = process.env.PIPE_PROPERTY === 'all' ? 60 : 1;
const RUN = ['run', '--json'];

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('edit' as const), edit: edits }),
    fc.record({
      do: fc.constant('kill' as const),
      at: fc.integer({ min: 1, max: 150 }),
      mode: fc.constantFrom('before' as const, 'torn' as const),
    }),
    fc.record({
      do: fc.constant('forget' as const),
      what: fc.constantFrom('artifacts', 'cache/index', 'cache/plan', 'cache/traces/by-task'),
    }),
  ),
  { minLength: 2, maxLength: 4 },
);

let runs = 0;

function lay(project: RigProject, world: World): void {
  for (const [at, value] of world.sources.entries()) project.write(`s${at}.txt`, `${value}\n`);
  rmSync(join(project.folder, 'f'), { recursive: true, force: true });
  for (const [name, value] of Object.entries(world.files))
    project.write(`f/${name}.txt`, `${value}\n`);
  project.write('pipeline.yaml', yamlOf(world));
}

/** `known`: the oracle's names of all results that were finished. */
async function settle(project: RigProject, world: World, known: Set<string>): Promise<void> {
  lay(project, world);
  const environment = { HOME: project.folder };
  const expected = expectedOf(world);
  const outcome = await pipe(project.folder, RUN, { environment });
  expect(outcome.code, outcome.stderr).toBe(0);
  const names = new Map(expected.map(({ task, key }) => [task, key]));
  const made = outcome.ran.map((task) => names.get(task) as string);
  const wanted = new Set([...names.values()].filter((name) => !known.has(name)));
  expect([...new Set(made)].sort()).toEqual([...wanted].sort());
  expect(made.length).toBe(wanted.size);
  for (const { task, kind, value, key } of expected) {
    known.add(key);
    const view = kind === 'folder' ? `artifacts/${task}/out/v` : `artifacts/${task}/out.txt`;
    expect(project.read(view), task).toBe(`${value}\n`);
  }
  const again = await pipe(project.folder, RUN, { environment });
  expect(again.events.at(-1)).toMatchObject({ ran: 0, hits: expected.length });
  runs += 2;
}

it(`holds for ${CASES} random histories of real processes`, { timeout: 3_600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(worlds, steps, async (start, script) => {
      const project = makeProject({});
      const known = new Set<string>();
      let world = start;
      try {
        await settle(project, world, known);
        for (const step of script) {
          if (step.do === 'edit') world = applyEdit(world, step.edit, [start]);
          if (step.do === 'forget') {
            // Gone already where it was forgotten before and nothing ran since.
            rmSync(join(project.folder, step.what), { recursive: true, force: true });
          }
          if (step.do === 'kill') {
            world = applyEdit(world, { kind: 'param', at: step.at, value: step.at % 5 }, []);
            lay(project, world);
            const names = new Map(expectedOf(world).map(({ task, key }) => [task, key]));
            const { ran } = await killedAt(project.folder, RUN, step.at, step.mode);
            for (const task of ran) known.add(names.get(task) as string);
            // A result may be finished although nobody lived to tell of it.
            const told = await pipe(project.folder, ['run', '--dry-run', '--json']);
            for (const event of told.events) {
              if (event.type === 'taskDecided' && event.decision === 'hit')
                known.add(names.get(event.task) as string);
            }
            runs += 2;
          }
          await settle(project, world, known);
        }
      } finally {
        project.remove();
      }
    }),
    // The slice in CI is the same every time; the long suite looks further at each run.
    { numRuns: CASES, ...(CASES === 1 ? { seed: 4 } : {}) },
  );
});

afterAll(() => console.log(`property: ${CASES} cases, ${runs} runs of the command line`));
