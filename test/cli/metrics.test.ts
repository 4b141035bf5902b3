import { afterEach, describe, expect, it } from 'vitest';
import { makeProject, type RigProject, stageModule } from '../rig/project.ts';

let project: RigProject | undefined;
afterEach(() => {
  project?.remove();
  project = undefined;
});

const STAGE = stageModule(`
export default defineStage({
  description: 'Measures.',
  params: Type.Object({ value: Type.Number({ default: 0.62 }) }),
  inputs: { data: { kind: 'file' } },
  outputs: { page: { path: 'page.html' } },
  run({ params, outputs, metric }) {
    const { value } = params;
    metric({ backend: 'abacus', test: { accuracy: { value, low: 0.57, high: 0.67 } } });
    writeFileSync(outputs.page, '<p>$& before</p>\\n<!-- pipe:provenance -->\\n<p>after</p>');
  },
});
`);

function measuring(): RigProject {
  return makeProject({
    'pipeline.yaml': [
      'version: 1',
      'stages:',
      '  copy: { cmd: "cp ${inputs.a} ${outputs.b}", inputs: { a: a.txt }, outputs: { b: b.txt } }',
      '  measure: { use: stages/measure.ts, inputs: { data: copy.b } }',
    ].join('\n'),
    'stages/measure.ts': STAGE,
    'a.txt': 'a <b>\n',
  });
}

describe('pipe metrics', () => {
  it('shows what the present artifacts were measured at, and says what is not built', async () => {
    project = measuring();
    const before = await project.pipe('metrics');
    expect(before.stdout).toBe('');
    expect(before.stderr).toContain('not built as they are now: copy, measure');
    await project.run();
    const built = await project.pipe('metrics', 'measure');
    expect(built.stdout).toBe(
      [
        'task     metric         value [95 % interval]',
        'measure  backend        abacus',
        'measure  test.accuracy  0.62 [0.57, 0.67]',
        '',
      ].join('\n'),
    );
    expect(built.stderr).toBe('');
    const json = await project.pipe('metrics', '--json');
    expect(JSON.parse(json.stdout.split('\n')[1]!)).toEqual({
      task: 'measure',
      metric: 'test.accuracy',
      value: 0.62,
      low: 0.57,
      high: 0.67,
    });
  });

  it('asks about other params without building them', async () => {
    project = measuring();
    await project.run('--set', 'stages.measure.params.value=0.7');
    const other = await project.pipe('metrics', 'measure');
    expect(other.stderr).toContain('not built as they are now: measure');
    const set = await project.pipe('metrics', '--set', 'stages.measure.params.value=0.7');
    expect(set.stdout).toContain('0.7 [0.57, 0.67]');
  });
});

describe('pipe provenance', () => {
  it('tells of the target and all that it is made from', async () => {
    project = measuring();
    await project.run();
    const { stdout } = await project.pipe('provenance', 'measure', '--json');
    const entries = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(entries.map(({ task }) => task)).toEqual(['copy', 'measure']);
    expect(entries[0]).toMatchObject({ code: 'cp ${inputs.a} ${outputs.b}', seed: 0 });
    expect(entries[1]).toMatchObject({ backend: 'abacus', params: { value: 0.62 } });
    expect(entries[1]!.machine).toMatch(/^\d+ × .+ GiB$/);
    expect(entries[1]!.wallMs).toBeGreaterThan(0);
    const table = await project.pipe('provenance', 'measure');
    expect(table.stdout).toMatch(/^measure +code [0-9a-f]{12}, seed 0 +/m);
  });

  it('fills a page and leaves the artifact as it is', async () => {
    project = measuring();
    await project.run();
    const artifact = project.read('artifacts/measure/page.html');
    expect((await project.pipe('provenance', 'measure', '--html', 'whole.html')).code).toBe(0);
    const page = project.read('whole.html');
    expect(page.startsWith('<p>$& before</p>\n<p>Made from 2 tasks')).toBe(true);
    expect(page.endsWith('\n<p>after</p>')).toBe(true);
    expect(page).toContain('<td>abacus</td>');
    expect(page).toMatch(/<td>measure:\u00a0page<\/td><td>[^<]+<\/td><td>[0-9a-f]{64}<\/td>/);
    expect(project.read('artifacts/measure/page.html')).toBe(artifact);
  });

  it('refuses to write into artifacts, and pages without room', async () => {
    project = measuring();
    await project.run();
    const inside = await project.pipe('provenance', 'measure', '--html', 'artifacts/x.html');
    expect([inside.code, inside.stderr]).toEqual([2, expect.stringContaining('only tasks write')]);
    const none = await project.pipe('provenance', 'copy', '--html', 'x.html');
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining('0 pages of the targets'),
    ]);
  });
});
