import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { eventsOf, openProject, type Project, stage, until } from '../run/project.ts';
import { isAlive, startBuilder } from './builder.ts';

let project: Project;
afterEach(() => project.remove());

/** Sums in steps, one checkpoint each; logs where it began. */
const STEPS = stage(`
import { appendFileSync, writeFileSync } from 'node:fs';
export default defineStage({
  description: 'slow steps',
  params: Type.Object({}),
  inputs: {},
  outputs: { sum: { path: 'sum.json' } },
  async run(context) {
    const saved = context.checkpoint.load();
    const state = saved ? JSON.parse(Buffer.from(saved).toString()) : { step: 0, sum: 0 };
    context.log('began at ' + state.step);
    writeFileSync(context.outputs.sum, 'half-written');
    while (state.step < 8) {
      state.step += 1;
      state.sum += state.step * state.step;
      context.checkpoint.save(Buffer.from(JSON.stringify(state)));
      context.progress(state.step, 8, 'steps');
      await new Promise((done) => setTimeout(done, 120));
    }
    writeFileSync(context.outputs.sum, JSON.stringify(state));
  },
});
`);

const STEPS_PIPELINE = `version: 1
stages:
  steps: { use: stages/steps.ts }
  after: { cmd: "cat \${inputs.sum} > \${outputs.out}", inputs: { sum: steps.sum }, outputs: { out: out.txt } }
`;

describe('kill -9 of the builder', () => {
  it('leaves no child behind, shows nothing half-written, and the next run resumes', async () => {
    project = openProject({ 'pipeline.yaml': STEPS_PIPELINE, 'stages/steps.ts': STEPS });
    const builder = startBuilder(project);
    await until(() => eventsOf(builder.events, 'taskProgress').some(({ done }) => done >= 3));
    const { pid } = eventsOf(builder.events, 'taskStarted')[0] ?? { pid: 0 };
    builder.process.kill('SIGKILL');
    expect(await builder.ended).toBeNull();
    await until(() => !isAlive(pid), 5_000);
    expect(project.store().traces.keys()).toEqual([]);
    const { summary } = await project.build();
    expect(summary).toMatchObject({ ran: 2, failed: 0 });
    expect(project.read('artifacts/after/out.txt')).toBe('{"step":8,"sum":204}');
    const log = readFileSync(project.store().logs.latest('steps') ?? '', 'utf8');
    expect(Number(/began at (\d)/.exec(log)?.[1])).toBeGreaterThanOrEqual(3);
    for (const folder of ['locks', 'scratch', 'checkpoints']) {
      expect(readdirSync(project.path(`cache/${folder}`))).toEqual([]);
    }
  });

  it('ends a stage that never gives way to events', async () => {
    project = openProject({
      'pipeline.yaml': 'version: 1\nstages:\n  busy: { use: stages/busy.ts }\n',
      'stages/busy.ts': stage(`
export default defineStage({
  description: 'computes for a minute without a pause',
  params: Type.Object({}),
  inputs: {},
  outputs: { out: { path: 'out.txt' } },
  run(context) {
    for (const end = Date.now() + 60_000; Date.now() < end; ) context.progress(0, 1, 'steps');
  },
});
`),
    });
    const builder = startBuilder(project);
    await until(() => eventsOf(builder.events, 'taskProgress').length > 0);
    const { pid } = eventsOf(builder.events, 'taskStarted')[0] ?? { pid: 0 };
    builder.process.kill('SIGKILL');
    await builder.ended;
    await until(() => !isAlive(pid), 5_000);
  });

  it('takes the whole group of a command with it', async () => {
    project = openProject({
      'pipeline.yaml': `version: 1
stages:
  sleeper: { cmd: "sleep 300 & echo $! ; wait; touch \${outputs.out}", outputs: { out: out.txt } }
`,
    });
    const builder = startBuilder(project);
    await until(() => eventsOf(builder.events, 'taskLog').length > 0);
    const grandchild = Number(eventsOf(builder.events, 'taskLog')[0]?.text);
    expect(isAlive(grandchild)).toBe(true);
    builder.process.kill('SIGKILL');
    await builder.ended;
    await until(() => !isAlive(grandchild), 5_000);
  });
});

describe('kill -9 of the builder while waiting shells run commands', () => {
  it.each(['sleep 300 > ${outputs.out}', 'sleep 300; touch ${outputs.out}'])(
    'takes the commands with it: %s',
    async (command) => {
      const quick = Array.from({ length: 12 }, (_, index) => {
        const before = index === 0 ? '' : `, inputs: { a: q${index - 1}.out }`;
        return `  q${index}: { cmd: "sleep 0.05; echo ${index} > \${outputs.out}", outputs: { out: out.txt }${before} }\n`;
      });
      // One of each program is looked up, so the second sleeper is started without /bin/sh.
      const last = ['first', 'second'].map((name) => {
        const seconds = name === 'first' ? '0.1' : '300';
        const upstream = name === 'first' ? 'q11.out' : 'first.out';
        return `  ${name}: { cmd: "${command.replace('300', seconds)}", inputs: { a: ${upstream} }, outputs: { out: out.txt } }\n`;
      });
      project = openProject({
        'pipeline.yaml': `version: 1\nstages:\n${quick.join('')}${last.join('')}`,
      });
      const builder = startBuilder(project);
      const started = () =>
        eventsOf(builder.events, 'taskStarted').find((e) => e.task === 'second');
      await until(() => started() !== undefined);
      const { pid } = started() ?? { pid: 0 };
      const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1];
      expect(readFileSync(`/proc/${parent}/comm`, 'utf8')).toBe('bash\n');
      builder.process.kill('SIGKILL');
      await builder.ended;
      await until(() => !isAlive(pid), 3_000);
      await until(() => !isAlive(Number(parent)), 3_000);
    },
  );
});

describe('two builders on one store', () => {
  it('build each key once', async () => {
    project = openProject({
      'pipeline.yaml': `version: 1
stages:
  one: { cmd: "sleep 0.4; echo one > \${outputs.out}", outputs: { out: out.txt } }
  two: { cmd: "sleep 0.4; cat \${inputs.a} > \${outputs.out}", inputs: { a: one.out }, outputs: { out: out.txt } }
  twin: { cmd: "sleep 0.4; cat \${inputs.a} > \${outputs.out}", inputs: { a: one.out }, outputs: { out: out.txt } }
`,
    });
    const builders = [startBuilder(project), startBuilder(project)];
    expect(await Promise.all(builders.map(({ ended }) => ended))).toEqual([0, 0]);
    const events = builders.flatMap((builder) => builder.events);
    expect(eventsOf(events, 'taskRan')).toHaveLength(2); // `two` and `twin` share a key
    expect(eventsOf(events, 'taskHit')).toHaveLength(4);
    expect(eventsOf(events, 'taskWaiting').length).toBeGreaterThan(0);
    expect(project.read('artifacts/twin/out.txt')).toBe('one\n');
  });
});
