import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import type { Event } from '../../src/pipe/event.ts';
import { eventsOf, openProject, type Project, stage, until } from '../run/project.ts';
import { isAlive } from './builder.ts';

let project: Project;
afterEach(() => project.remove());

function oneCommand(command: string, more = ''): Project {
  const line = `  task: { cmd: ${JSON.stringify(command)}, outputs: { out: out.txt }${more} }\n`;
  return openProject({ 'pipeline.yaml': `version: 1\nstages:\n${line}` });
}

function oneModule(body: string): Project {
  return openProject({
    'pipeline.yaml':
      'version: 1\nstages:\n  task: { use: stages/task.ts, inputs: { text: data/text.txt } }\n',
    'data/text.txt': 'text\n',
    'data/secret.txt': 'secret\n',
    'stages/task.ts': stage(`
import { readFileSync, writeFileSync } from 'node:fs';
export default defineStage({
  description: 'a stage that fails',
  params: Type.Object({}),
  inputs: { text: { kind: 'file' } },
  outputs: { out: { path: 'out.txt' } },
  async run(context) {
    const text = readFileSync(context.inputs.text.path, 'utf8');
    ${body}
  },
});
`),
  });
}

const failureOf = (events: readonly Event[]) => eventsOf(events, 'taskFailed')[0];

async function failure(): Promise<(Event & { type: 'taskFailed' }) | undefined> {
  const { events, summary } = await project.build();
  expect(summary).toMatchObject({ ran: 0, failed: 1 });
  expect(existsSync(project.path('artifacts/task'))).toBe(false);
  expect(readdirSync(project.path('cache/scratch'))).toEqual([]);
  return failureOf(events);
}

describe('a task that fails', () => {
  it('names a read that was not declared, and the line to add', async () => {
    project = oneModule(`readFileSync('ROOT/data/secret.txt');`);
    project.write('stages/task.ts', project.read('stages/task.ts').replace('ROOT', project.root));
    expect(await failure()).toMatchObject({
      reason: 'undeclared-read',
      message: 'reads data/secret.txt, which is not a declared input',
      hint: expect.stringContaining('`secret: data/secret.txt`'),
    });
  });

  it('is not let write beside its outputs, nor start programs', async () => {
    project = oneModule(`writeFileSync(context.inputs.text.path, 'changed');`);
    expect((await failure())?.message).toContain('outside its outputs');
    expect(project.read('data/text.txt')).toBe('text\n');
    project.remove();
    project = oneModule(`(await import('node:child_process')).execSync('true');`);
    expect((await failure())?.message).toContain('starts a process');
  });

  it('shows a StageError with its place and hint', async () => {
    project = oneModule(
      `throw new StageError('a broken line', { hint: 'Mend it.', file: context.inputs.text.path, line: 7 });`,
    );
    expect(await failure()).toMatchObject({
      reason: 'exit',
      message: 'data/text.txt:7: a broken line',
      hint: 'Mend it.',
    });
  });

  it('shows where in the stage something unexpected was thrown', async () => {
    project = oneModule('JSON.parse("{");');
    const { message = '' } = (await failure()) ?? {};
    expect(message).toMatch(/^stages\/task\.ts:11: .*JSON/);
  });

  it('lists outputs that were not written', async () => {
    project = oneModule('context.log(text);');
    expect(await failure()).toMatchObject({
      reason: 'missing-output',
      message: 'did not write out (out.txt)',
    });
  });

  it('tells a full disk, a full heap and a signal apart', async () => {
    project = oneModule(
      `throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });`,
    );
    expect((await failure())?.reason).toBe('disk-full');
    project.remove();
    project = oneCommand('echo text | tee /dev/full');
    expect((await failure())?.reason).toBe('disk-full');
    project.remove();
    project = oneModule(
      'process.kill(process.pid, "SIGSEGV"); await new Promise(() => setTimeout(() => {}, 1e6));',
    );
    expect(await failure()).toMatchObject({ reason: 'signal', message: 'killed by SIGSEGV' });
    project.remove();
    const heap = 'const kept = []; for (;;) kept.push(String(kept.length).repeat(9));';
    project = oneCommand(`node --max-old-space-size=20 -e '${heap}'`);
    expect((await failure())?.reason).toBe('out-of-memory');
  });

  it('reports the exit code and the last line of a command', async () => {
    project = oneCommand('echo first >&2; echo "it broke" >&2; exit 3');
    expect(await failure()).toMatchObject({ reason: 'exit', message: 'exit code 3: it broke' });
  });

  it('is killed with its grandchildren when its time is up', async () => {
    project = oneCommand('sleep 300 & echo $!; wait', ', timeout: 300ms');
    const { events } = await project.build();
    expect(failureOf(events)?.reason).toBe('timeout');
    const grandchild = Number(eventsOf(events, 'taskLog')[0]?.text);
    await until(() => !isAlive(grandchild), 2_000);
  });

  it('is tried again as often as it says', async () => {
    project = oneCommand(
      `test -e $HOME/marker || { touch $HOME/marker; exit 1; }; echo done > \${outputs.out}`,
      ', retries: 2',
    );
    const home = process.env.HOME;
    process.env.HOME = project.root;
    try {
      const { events, summary } = await project.build();
      expect(summary).toMatchObject({ ran: 1, failed: 0 });
      expect(eventsOf(events, 'taskRetry')).toMatchObject([{ attempt: 2, reason: 'exit code 1' }]);
      expect(eventsOf(events, 'taskStarted').map(({ attempt }) => attempt)).toEqual([1, 2]);
    } finally {
      process.env.HOME = home;
    }
  });
});

const BRANCHES = `version: 1
stages:
  bad: { cmd: "sleep 0.2; exit 1", outputs: { out: out.txt } }
  slow: { cmd: "sleep 0.6; echo s > \${outputs.out}", outputs: { out: out.txt } }
  behind: { cmd: "cat \${inputs.a} > \${outputs.out}", inputs: { a: bad.out }, outputs: { out: out.txt } }
  later: { cmd: "cat \${inputs.a} > \${outputs.out}", inputs: { a: slow.out }, outputs: { out: out.txt } }
`;

describe('attempts', () => {
  it('wait twice as long each time, and their end is that of the last', async () => {
    project = oneCommand('exit 4', ', retries: 2');
    const { events, summary } = await project.build();
    expect(summary).toMatchObject({ ran: 0, failed: 1 });
    expect(eventsOf(events, 'taskRetry').map(({ delayMs }) => delayMs)).toEqual([500, 1000]);
    expect(failureOf(events)).toMatchObject({ reason: 'exit', message: 'exit code 4' });
  });

  it('are not made again of what fails every time', async () => {
    project = oneCommand('true', ', retries: 2'); // it never writes its output
    const { events } = await project.build();
    expect(eventsOf(events, 'taskRetry')).toEqual([]);
    expect(failureOf(events)?.reason).toBe('missing-output');
  });
});

describe('between attempts', () => {
  it('others have what the task asked for', async () => {
    project = openProject({
      'pipeline.yaml': `version: 1
stages:
  flaky: { cmd: "cat \${inputs.a} && test -e here/\${params.mark} && echo > \${outputs.o} || { touch here/\${params.mark}; exit 1; }", params: { mark: done }, inputs: { a: a.txt }, outputs: { o: o.txt }, retries: 1 }
  last: { cmd: "cat \${inputs.a} > \${outputs.o}", inputs: { a: flaky.o }, outputs: { o: o.txt } }
  other: { cmd: "echo > \${outputs.o}", outputs: { o: o.txt } }
`,
      'a.txt': 'text\n',
    });
    const yaml = project.read('pipeline.yaml');
    mkdirSync(project.path('marks'));
    project.write('pipeline.yaml', yaml.replaceAll('here/', `${project.path('marks')}/`));
    const { events, summary } = await project.build({ jobs: 1 });
    expect(summary).toMatchObject({ ran: 3, failed: 0 });
    const order = events.flatMap((event) =>
      event.type === 'taskStarted' || event.type === 'taskRetry' || event.type === 'taskRan'
        ? [`${event.type} ${event.task}`]
        : [],
    );
    // What is longest starts first: flaky, which last waits for.
    expect(order.slice(0, 3)).toEqual([
      'taskStarted flaky',
      'taskRetry flaky',
      'taskStarted other',
    ]);
    expect(order.indexOf('taskRan other')).toBeLessThan(order.lastIndexOf('taskStarted flaky'));
  });
});

describe('after a failure', () => {
  it('lets running tasks finish and starts nothing more', async () => {
    project = openProject({ 'pipeline.yaml': BRANCHES });
    const { events, summary } = await project.build();
    expect(summary).toMatchObject({ ran: 1, failed: 1, skipped: 2 });
    expect(eventsOf(events, 'taskSkipped')).toEqual([
      { type: 'taskSkipped', task: 'behind', because: 'bad' },
      { type: 'taskSkipped', task: 'later', because: 'bad' },
    ]);
  });

  it('goes on with the rest when told to keep going', async () => {
    project = openProject({ 'pipeline.yaml': BRANCHES });
    const { summary } = await project.build({ keepGoing: true });
    expect(summary).toMatchObject({ ran: 2, failed: 1, skipped: 1 });
  });
});

describe('cancelling', () => {
  it('kills what runs, and the next run finds a good store', async () => {
    project = openProject({
      'pipeline.yaml': `version: 1
stages:
  first: { cmd: "echo f > \${outputs.out}", outputs: { out: out.txt } }
  slow: { cmd: "sleep \${params.s}; cat \${inputs.a} > \${outputs.out}", params: { s: 300 }, inputs: { a: first.out }, outputs: { out: out.txt } }
`,
    });
    const stop = new AbortController();
    const { handle, events } = await project.start({ signal: stop.signal });
    await until(() => handle.running().has('slow'));
    const { pid } = eventsOf(events, 'taskStarted').at(-1) ?? { pid: 0 };
    stop.abort();
    expect(await handle.done).toMatchObject({ ran: 1, failed: 0, skipped: 1 });
    expect(failureOf(events)?.reason).toBe('cancelled');
    expect(isAlive(pid)).toBe(false);
    project.write('pipeline.yaml', project.read('pipeline.yaml').replace('s: 300', 's: 0'));
    expect((await project.build()).summary).toMatchObject({ ran: 1, hits: 1 });
    expect(readdirSync(project.path('cache/scratch'))).toEqual([]);
  });
});
