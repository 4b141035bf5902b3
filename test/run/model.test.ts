/**
 * Random graphs, edits and faults against a model: after each build every artifact is what a clean
 * build would make, and nothing ran that the model knew already.
 */
import { rmSync, unlinkSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import { openProject, type Project } from './project.ts';

const SOURCES = 2;
const TASKS = 5;

/** Task i reads one source and earlier tasks; it writes (their sum + its param) mod 3. */
interface World {
  readonly sources: number[];
  readonly params: number[];
  readonly source: readonly number[];
  readonly reads: readonly (readonly number[])[];
}

type Edit =
  | { readonly kind: 'source' | 'param'; readonly at: number; readonly value: number }
  | { readonly kind: 'artifact' | 'blob' | 'trace'; readonly at: number };

const digit = fc.nat(2);
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('source' as const), at: fc.nat(SOURCES - 1), value: digit }),
  fc.record({ kind: fc.constant('param' as const), at: fc.nat(TASKS - 1), value: digit }),
  fc.record({
    kind: fc.constantFrom('artifact' as const, 'blob' as const, 'trace' as const),
    at: fc.nat(TASKS - 1),
  }),
);
const worlds: fc.Arbitrary<World> = fc.record({
  sources: fc.array(digit, { minLength: SOURCES, maxLength: SOURCES }),
  params: fc.array(digit, { minLength: TASKS, maxLength: TASKS }),
  source: fc.array(fc.nat(SOURCES - 1), { minLength: TASKS, maxLength: TASKS }),
  reads: fc.tuple(
    ...Array.from({ length: TASKS }, (_, task) =>
      fc.subarray(Array.from({ length: task }, (_, earlier) => earlier)),
    ),
  ),
});

function yamlOf(world: World): string {
  const stages = world.params.map((param, task) => {
    const upstream = world.reads[task]?.map((each) => `u${each}: t${each}.out`) ?? [];
    const inputs = [`s: s${world.source[task]}.txt`, ...upstream];
    const terms = inputs.map((input) => `$(cat \${inputs.${input.split(':')[0]}})`);
    const cmd = `echo $(( (${[...terms, '${params.p}'].join(' + ')}) % 3 )) > \${outputs.out}`;
    return `  t${task}: { cmd: ${JSON.stringify(cmd)}, params: { p: ${param} }, inputs: { ${inputs.join(', ')} }, outputs: { out: out.txt } }`;
  });
  return `version: 1\nstages:\n${stages.join('\n')}\n`;
}

/** What each task writes, and a name for all that this depends on. */
function expectedOf(world: World): { value: number; key: string }[] {
  const results: { value: number; key: string }[] = [];
  for (let task = 0; task < TASKS; task += 1) {
    const upstream = (world.reads[task] ?? []).map((each) => [each, results[each]?.value ?? 0]);
    const source = world.sources[world.source[task] ?? 0] ?? 0;
    const param = world.params[task] ?? 0;
    const sum = upstream.reduce((total, [, value = 0]) => total + value, source + param);
    // The text of the command names the inputs, so tasks that read alike share a key.
    const key = JSON.stringify([upstream, source, param]);
    results.push({ value: sum % 3, key });
  }
  return results;
}

function apply(edit: Edit, world: World, project: Project): void {
  const task = `t${edit.at}`;
  if (edit.kind === 'source') world.sources[edit.at] = edit.value;
  if (edit.kind === 'param') world.params[edit.at] = edit.value;
  if (edit.kind === 'artifact') {
    unlinkSync(project.path(`artifacts/${task}/out.txt`));
    writeFileSync(project.path(`artifacts/${task}/out.txt`), 'edited');
  }
  const trace = project.store().traces.ofTask(task, 1)[0];
  if (trace === undefined) return;
  if (edit.kind === 'blob') {
    rmSync(project.store().blobs.path(trace.outputs.out?.digest ?? digestOf('')), { force: true });
  }
  if (edit.kind === 'trace') {
    const { layout } = project.store();
    rmSync(`${layout.traces}/${trace.key.slice(0, 2)}/${trace.key}.json`, { force: true });
  }
}

async function check(project: Project, world: World, known: Set<string>, lossless: boolean) {
  for (const [at, value] of world.sources.entries()) project.write(`s${at}.txt`, `${value}\n`);
  project.write('pipeline.yaml', yamlOf(world));
  const { summary, ran } = await project.build();
  const expected = expectedOf(world);
  expect(summary).toMatchObject({ failed: 0, skipped: 0 });
  for (const [task, { value }] of expected.entries()) {
    expect(project.read(`artifacts/t${task}/out.txt`)).toBe(`${value}\n`);
  }
  if (lossless) {
    const news = new Set(expected.map(({ key }) => key).filter((key) => !known.has(key)));
    expect(ran.length).toBe(news.size);
  }
  for (const { key } of expected) known.add(key);
  expect((await project.build()).summary.ran).toBe(0);
}

it('agrees with a clean build after any edits and faults', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.array(edits, { maxLength: 5 }), async (start, steps) => {
      const world: World = { ...start, sources: [...start.sources], params: [...start.params] };
      const project = openProject({});
      const known = new Set<string>();
      let lossless = true; // once a blob or trace was lost, what must run again is not modelled
      try {
        await check(project, world, known, lossless);
        for (const edit of steps) {
          apply(edit, world, project);
          lossless &&= edit.kind !== 'blob' && edit.kind !== 'trace';
          await check(project, world, known, lossless);
        }
      } finally {
        project.remove();
      }
    }),
    { numRuns: 12, seed: 4 },
  );
});
