import { afterEach, describe, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from './project.ts';

let project: RigProject;
afterEach(() => project.remove());

const PIPELINE = `version: 1
params: { suffix: "!" }
stages:
  lines:
    use: stages/lines.ts
    inputs: { text: data/text.txt }
  shout:
    use: stages/shout.ts
    inputs: { lines: lines.out }
    params: { suffix: "\${params.suffix}" }
  count:
    cmd: wc -l < \${inputs.a} | tr -d ' ' > \${outputs.n}
    inputs: { a: shout.out }
    outputs: { n: n.txt }
`;

const LINES = stageModule(`
import { clean } from '../src/clean.ts';
export default defineStage({
  description: 'drops blank lines',
  params: Type.Object({}),
  inputs: { text: { kind: 'file' } },
  outputs: { out: { path: 'lines.txt' } },
  run({ inputs, outputs }) { writeFileSync(outputs.out, clean(readFileSync(inputs.text.path, 'utf8'))); },
});
`);

const SHOUT = stageModule(`
export default defineStage({
  description: 'upper case',
  params: Type.Object({ suffix: Type.String({ default: '' }) }),
  inputs: { lines: { kind: 'file' } },
  outputs: { out: { path: 'shout.txt', display: true } },
  run({ inputs, outputs, params, note }) {
    note('shouting');
    writeFileSync(outputs.out, readFileSync(inputs.lines.path, 'utf8').toUpperCase().replaceAll('\\n', params.suffix + '\\n'));
  },
});
`);

const CLEAN = `export function clean(text: string): string {
  return text.split('\\n').filter((line) => line.trim() !== '').join('\\n') + '\\n';
}
export function unused(): number { return 1; }
`;

function threeStages(): RigProject {
  return makeProject({
    'pipeline.yaml': PIPELINE,
    'data/text.txt': 'one\n\ntwo\n',
    'stages/lines.ts': LINES,
    'stages/shout.ts': SHOUT,
    'src/clean.ts': CLEAN,
  });
}

describe('pipe run', () => {
  it('builds in order, then hits everything', async () => {
    project = threeStages();
    const first = await project.run();
    expect(first.code).toBe(0);
    expect(first.ran).toEqual(['lines', 'shout', 'count']);
    expect(project.read('artifacts/shout/shout.txt')).toBe('ONE!\nTWO!\n');
    expect(project.read('artifacts/count/n.txt')).toBe('2\n');
    const second = await project.run();
    expect(second.summary).toMatchObject({ ran: 0, hits: 3, failed: 0, skipped: 0 });
    expect(second.events).toContainEqual(
      expect.objectContaining({ type: 'taskHit', task: 'shout', notes: ['shouting'] }),
    );
  });

  it('prints a displayed output of a target to stdout, also on a hit', async () => {
    project = threeStages();
    const first = await project.pipe('run', 'shout');
    expect(first.stdout).toBe('ONE!\nTWO!\n');
    expect((await project.pipe('run', 'shout')).stdout).toBe('ONE!\nTWO!\n');
  });

  it('cuts off where an edited input gives an equal output', async () => {
    project = threeStages();
    await project.run();
    project.write('data/text.txt', 'one\n\n\n\ntwo\n');
    expect(await project.run()).toMatchObject({ ran: ['lines'], hits: ['shout', 'count'] });
  });

  it('goes back to an earlier value without running', async () => {
    project = threeStages();
    await project.run();
    expect((await project.run('--set', 'params.suffix=?')).ran).toEqual(['shout', 'count']);
    expect((await project.run()).ran).toEqual([]);
    expect(project.read('artifacts/shout/shout.txt')).toBe('ONE!\nTWO!\n');
  });

  it('ignores comments, format and unused neighbours; sees a change of code', async () => {
    project = threeStages();
    await project.run();
    project.write('src/clean.ts', `// a comment\n${CLEAN.replace('return 1', 'return   2')}`);
    project.write(
      'stages/shout.ts',
      SHOUT.replace("note('shouting');", "/* louder */ note(\n 'shouting');"),
    );
    expect((await project.run()).ran).toEqual([]);
    project.write('src/clean.ts', CLEAN.replace(".join('\\n')", ".reverse().join('\\n')"));
    expect((await project.run()).ran).toEqual(['lines', 'shout', 'count']);
  });

  it('says why', async () => {
    project = threeStages();
    await project.run();
    project.write('data/text.txt', 'three\n');
    const why = await project.pipe('why', 'lines');
    expect(why.stdout).toContain('data/text.txt');
    const dry = await project.pipe('run', '--dry-run', '--set', 'params.suffix=?');
    expect(dry.stderr).toContain('lines: run');
    expect(dry.stderr).toContain('shout: unknown until lines');
    expect((await project.run()).ran).toEqual(['lines', 'shout', 'count']);
  });

  it('refuses an undeclared read and names the file', async () => {
    project = threeStages();
    project.write('data/secret.txt', 'x');
    project.write(
      'stages/shout.ts',
      SHOUT.replace(
        "note('shouting');",
        `note(readFileSync(${JSON.stringify(`${project.folder}/data/secret.txt`)}, 'utf8'));`,
      ),
    );
    const outcome = await project.pipe('run');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('secret.txt');
    expect(outcome.stderr).toMatch(/inputs/);
  });

  it('gives every command that reads the plan the same diagnostics and exit code 2', async () => {
    project = threeStages();
    project.write(
      'pipeline.yaml',
      PIPELINE.replace('inputs: { lines: lines.out }', 'inptus: { lines: lines.out }'),
    );
    for (const words of [['run'], ['status'], ['why', 'shout'], ['graph']]) {
      const outcome = await project.pipe(...words);
      expect(outcome.code).toBe(2);
      expect(outcome.stderr).toContain('pipeline.yaml:');
      expect(outcome.stderr).toContain('hint: Did you mean "inputs"?');
    }
  });

  it('spells out a cycle', async () => {
    project = threeStages();
    project.write('pipeline.yaml', PIPELINE.replace('text: data/text.txt', 'text: shout.out'));
    const outcome = await project.pipe('run');
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toMatch(/lines → shout → lines|shout → lines → shout/);
  });
});

describe('the command line', () => {
  it('names the nearest command and option', async () => {
    project = threeStages();
    const command = await project.pipe('rnu');
    expect(command).toMatchObject({
      code: 2,
      stderr: "there is no command 'rnu'\n  hint: did you mean 'pipe run'?\n",
    });
    const option = await project.pipe('run', '--frce');
    expect(option.code).toBe(2);
    expect(option.stderr).toContain('did you mean --force?');
  });

  it('shows the last log of a task', async () => {
    project = threeStages();
    project.write(
      'stages/shout.ts',
      SHOUT.replace("note('shouting');", "console.log('from the stage');"),
    );
    await project.run();
    expect((await project.pipe('logs', 'shout')).stdout).toContain('from the stage');
  });

  it('draws the graph', async () => {
    project = threeStages();
    const graph = await project.pipe('graph', '--format', 'mermaid');
    expect(graph.stdout).toBe(
      'flowchart TD\n  t0["lines"]\n  t1["shout"]\n  t2["count"]\n  t0 -->|"out"| t1\n  t1 -->|"out"| t2\n',
    );
  });

  it('cleans artifacts and restores them from the store', async () => {
    project = threeStages();
    await project.run();
    expect((await project.pipe('clean')).code).toBe(0);
    expect(project.exists('artifacts/shout/shout.txt')).toBe(false);
    expect((await project.run()).ran).toEqual([]);
    expect(project.read('artifacts/shout/shout.txt')).toBe('ONE!\nTWO!\n');
    await project.pipe('clean', '--cache');
    expect((await project.run()).ran).toHaveLength(3);
  });
});
