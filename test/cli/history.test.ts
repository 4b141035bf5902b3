/** `plan`, `runs` and `diff` on one small history, and `run --check`: their whole text. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from '../rig/project.ts';

const PIPELINE = `version: 1
params: { rate: 0.1, seeds: [a, b] }
stages:
  data:
    cmd: sort \${inputs.raw} > \${outputs.out}
    inputs: { raw: data/raw.txt }
    outputs: { out: out.txt }
  train:
    use: stages/train.ts
    matrix: { seed: "\${params.seeds}" }
    inputs: { data: data.out }
    params: { rate: "\${params.rate}" }
`;
const TRAIN = stageModule(`
export default defineStage({
  description: 'pretends to learn',
  params: Type.Object({ rate: Type.Number() }),
  inputs: { data: { kind: 'file' } },
  outputs: { model: { path: 'model.txt' } },
  run({ outputs, params, metric }) {
    const value = 0.5 + params.rate;
    metric({ loss: 1 / value, accuracy: { value, low: value - 0.05, high: value + 0.05 }, by: { kind: 'x' } });
    writeFileSync(outputs.model, String(params.rate));
  },
});
`);

let project: RigProject;
beforeAll(async () => {
  project = makeProject({
    'pipeline.yaml': PIPELINE,
    'data/raw.txt': 'b\na\n',
    'stages/train.ts': TRAIN,
    'random.yaml': `version: 1
stages:
  random:
    cmd: mkdir -p \${outputs.many} && date +%N > \${outputs.many}/time && echo same > \${outputs.many}/same && (echo same; date +%N) > \${outputs.one}
    outputs: { one: one.txt, many: many/ }
`,
  });
});
afterAll(() => project.remove());

/** Figures that differ from run to run. */
function masked(text: string): string {
  return text
    .replace(/\d{8}T\d{9}-\w{4}/g, 'RUN')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'WHEN')
    .replace(/~?[\d.]+ (ms|s)\b/g, 'TIME')
    .replace(/ {2,}/g, '  ');
}

describe('before anything ran', () => {
  it('plan says that there is no record', async () => {
    expect(
      (await project.pipe('plan', '--jobs', '2')).stdout,
    ).toBe(`task     decision  time       cpu  writes  why
data     run       no record               never built before
train@a  unknown   no record               until data
train@b  unknown   no record               until data

0 hits, 1 to run, 2 unknown until others have run
time on 2 jobs: at least 0 ms
cpu time: at least 0 ms
writes: at least 0 B
no record: data, train@a, train@b, which count as nothing above
`);
  });

  it('runs and diff say so', async () => {
    expect((await project.pipe('runs')).stdout).toBe('no run is recorded here yet\n');
    expect(await project.pipe('diff', 'last~1', 'last')).toMatchObject({
      code: 2,
      stderr: 'no run is recorded here yet\n  hint: pipe run makes one\n',
    });
  });
});

describe('with a history', () => {
  beforeAll(async () => {
    await project.run('--set', 'params.seeds=[a]');
    project.write('data/raw.txt', 'c\na\n');
    await project.run('--set', 'params.seeds=[a]', '--set', 'params.rate=0.2');
  });

  it('plan forecasts from the task or its siblings', async () => {
    const { stdout } = await project.pipe('plan', '--set', 'params.rate=0.3', '--jobs', '1');
    expect(masked(stdout)).toBe(`task  decision  time  cpu  writes  why
data  hit
train@a  run  TIME  TIME  3 B  param rate: 0.2 → 0.3
train@b  run  TIME  TIME  ~3 B  never built before (time as of train@a)

1 hit, 2 to run, 0 unknown until others have run
time on 1 job: TIME
cpu time: TIME
writes: 6 B
`);
    const parsed = JSON.parse((await project.pipe('plan', '--json')).stdout);
    expect(parsed.tasks[2]).toMatchObject({ task: 'train@b', from: ['train@a'] });
    expect(parsed.most).toMatchObject({ tasks: 2, withoutRecord: [] });
    expect(parsed.most.wallMs).toBeGreaterThan(0);
  });

  it('plan says so where there is nothing to do', async () => {
    const same = ['--set', 'params.seeds=[a]', '--set', 'params.rate=0.2'];
    expect(
      (await project.pipe('plan', ...same)).stdout,
    ).toBe(`task     decision  time  cpu  writes  why
data     hit
train@a  hit

nothing to do: 2 hits
`);
  });

  it('runs lists them, newest first, with what changed', async () => {
    expect(
      masked((await project.pipe('runs')).stdout),
    ).toBe(`run  UTC  targets  ran  hits  failed  skipped  time  changed params
RUN  WHEN  all  2  0  0  0  TIME  rate 0.1 → 0.2
RUN  WHEN  all  2  0  0  0  TIME
`);
    const lines = (await project.pipe('runs', '--json', '--limit', '1')).stdout.trim().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { changedParams: [{ name: 'rate', before: 0.1, after: 0.2 }], summary: { ran: 2 } },
    ]);
  });

  it('diff explains two runs, with intervals', async () => {
    const { stdout } = await project.pipe('diff', 'last~1', 'last');
    expect(masked(stdout)).toBe(`RUN → RUN

param  before  after
rate  0.1  0.2

data: outputs differ: out
  input raw: data/raw.txt edited
train@a: outputs differ: model
  param rate: 0.1 → 0.2
  input data: data.out changed

task  metric  before  after  difference
train@a  loss  1.67  1.43  -0.238
train@a  accuracy  0.6 [0.55, 0.65]  0.7 [0.65, 0.75]  +0.1
train@a  by.kind  x  x
`);
    const ids = (await project.pipe('runs', '--json')).stdout.trim().split('\n');
    const newest = JSON.parse(ids[0] as string).runId as string;
    const parsed = JSON.parse((await project.pipe('diff', 'last', newest, '--json')).stdout);
    expect(parsed).toMatchObject({ before: newest, after: newest, params: [], tasks: [] });
  });

  it('names a run that is not there, or that is not one', async () => {
    expect((await project.pipe('diff', 'last~9', 'last')).stderr).toBe(
      'last~9: only 2 runs are recorded\n  hint: pipe runs lists them; last and last~1 are the newest\n',
    );
    expect((await project.pipe('diff', '2', 'last')).stderr).toMatch(
      /^2 is the beginning of 2 runs: /,
    );
    expect((await project.pipe('diff', 'last')).stderr).toBe(
      'diff needs two runs\n  hint: for example pipe diff last~1 last\n',
    );
  });
});

describe('run --check', () => {
  it('rebuilds beside the store and finds the same', async () => {
    const outcome = await project.pipe('run', '--check', 'train');
    expect(outcome.code).toBe(0);
    expect(outcome.stderr).toContain('train@a: the same again, byte by byte (1 file)');
    expect(outcome.stdout).toBe('');
  });

  it('names the file and the place that differ, and leaves the stored result as it is', async () => {
    await project.pipe('run', '--file', 'random.yaml');
    const stored = project.read('artifacts/random/one.txt');
    const outcome = await project.pipe('run', '--file', 'random.yaml', '--check');
    expect(outcome.code).toBe(1);
    expect(
      outcome.stderr.replace(/byte \d+ on/g, 'byte N on'),
    ).toContain(`random: DIFFERENT from what the store holds
  one: one.txt differs from byte N on, in line 2 (15 bytes)
  many: many/time differs from byte N on, in line 1 (10 bytes)
`);
    expect(project.read('artifacts/random/one.txt')).toBe(stored);
    const again = await project.run('--file', 'random.yaml', '--check');
    expect(again.events).toContainEqual(
      expect.objectContaining({ type: 'taskChecked', task: 'random', same: false }),
    );
    expect(again.summary).toMatchObject({ ran: 1, hits: 1, failed: 1 });
  });
});
