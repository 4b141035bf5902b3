/**
 * The promises of the flagship pipeline, on the real stages, the embedded sample and the embedded
 * model. The tests build on each other's store, in order, as a user's day does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outcomeOf, type RigProject } from '../rig/project.ts';
import { artifactTexts, copyFlagship, SMALL, sourceFiles } from './flagship.ts';

const MINUTES = 60_000;
let project: RigProject;
beforeAll(() => {
  project = copyFlagship();
});
afterAll(() => project.remove());

const everyStage = [
  'extract',
  'rank',
  'truncate',
  'templates',
  'encode@neox-mini',
  'train@neox-mini,doc',
  'train@neox-mini,temp',
  'train@neox-mini,doctemp',
  'eval@neox-mini',
  'report',
];

function edit(name: string, change: (text: string) => string): void {
  const path = join(project.folder, name);
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  expect(after, `the edit of ${name} changes nothing`).not.toBe(before);
  writeFileSync(path, after);
}

const stagesOf = (tasks: readonly string[]) => new Set(tasks.map((task) => task.split('@')[0]));

describe('the flagship pipeline', () => {
  it(
    'builds everything once and prints the table',
    async () => {
      const first = await project.run('report', ...SMALL);
      expect(first.code, first.stderr).toBe(0);
      expect([...first.ran].sort()).toEqual([...everyStage].sort());
      const table = await project.pipe('run', 'eval', ...SMALL);
      for (const candidate of ['pretrained', 'doc', 'temp', 'doctemp'])
        expect(table.stdout).toContain(candidate);
      expect(table.stderr).toContain('0 tasks run');
      const { rows } = JSON.parse(project.read('artifacts/report/results.json')) as {
        rows: { candidate: string; kind: string; shots: number }[];
      };
      const memories = rows.filter(({ kind }) => kind === 'base' || kind === 'memory');
      expect(memories.map((row) => `${row.candidate} ${row.shots}`).sort()).toEqual([
        'doc 0',
        'doc 1',
        'doctemp 0',
        'doctemp 1',
        'pretrained 0',
        'pretrained 1',
        'temp 0',
        'temp 1',
      ]);
    },
    6 * MINUTES,
  );

  it(
    'runs nothing after a comment or a format change in every source file',
    async () => {
      for (const path of sourceFiles(project)) {
        writeFileSync(path, `// a comment\n\n${readFileSync(path, 'utf8')}\n/* and another */\n`);
      }
      const { ran, summary } = await project.run('report', ...SMALL);
      expect(ran).toEqual([]);
      expect(summary.hits).toBe(everyStage.length);
    },
    MINUTES,
  );

  it(
    'trains nothing when one dev claim is worded anew, and asks that claim alone',
    async () => {
      edit('data/sample/dev.jsonl', (text) =>
        text.replace(
          '"claim":"Fenby Noreda had a dog as a pet."',
          '"claim":"Fenby Noreda had a small dog as a pet."',
        ),
      );
      const { ran, events } = await project.run('report', ...SMALL);
      const notes = events.flatMap((event) => (event.type === 'taskNote' ? [event.text] : []));
      expect(notes).toContainEqual(expect.stringMatching(/^re-scored 1 of \d+ claims: /));
      const stages = stagesOf(ran);
      expect(stages).toContain('extract');
      expect(stages).toContain('report');
      expect(stages).not.toContain('encode');
      expect(stages).not.toContain('train');
    },
    4 * MINUTES,
  );

  it(
    'cuts off where extract gives equal output',
    async () => {
      edit('data/sample/dev.jsonl', (text) =>
        text.replace(/"verifiable":"VERIFIABLE",/, '"verifiable": "VERIFIABLE", '),
      );
      expect((await project.run('report', ...SMALL)).ran).toEqual(['extract']);
    },
    MINUTES,
  );

  it(
    'goes back to an earlier topK without running',
    async () => {
      const fewer = SMALL.map((word) => word.replace('topK=6', 'topK=5'));
      expect((await project.run('truncate', ...fewer)).ran).toEqual(['rank', 'truncate']);
      expect((await project.run('truncate', ...SMALL)).ran).toEqual([]);
    },
    MINUTES,
  );

  it(
    'retrains, and encodes nothing, when a constant of the memory layer changes',
    async () => {
      edit('src/memory/adapter/config.ts', (text) =>
        text.replace('normEps: 1e-5', 'normEps: 1.1e-5'),
      );
      const stages = stagesOf((await project.run('report', ...SMALL)).ran);
      expect([...stages].sort()).toEqual(['eval', 'report', 'train']);
    },
    6 * MINUTES,
  );
});

describe('kill -9', () => {
  it.each(['train@neox-mini,doc', 'eval@neox-mini'])(
    'in the middle of %s loses nothing',
    async (victim) => {
      const undisturbed = artifactTexts(project);
      await project.pipe('clean', '--cache');
      const child = project.start('run', 'report', '--json', ...SMALL);
      await new Promise<void>((resolve) => {
        child.stdout?.setEncoding('utf8').on('data', (text: string) => {
          const here = text
            .split('\n')
            .some((line) => line.includes('"type":"taskProgress"') && line.includes(`"${victim}"`));
          if (here) resolve();
        });
        child.on('close', () => resolve());
      });
      const ended = outcomeOf(child);
      child.kill('SIGKILL');
      expect((await ended).signal, 'the run ended before it was killed').toBe('SIGKILL');
      const again = await project.run('report', ...SMALL);
      expect(again.code, again.stderr).toBe(0);
      expect(again.summary.hits).toBeGreaterThan(0);
      expect(artifactTexts(project)).toEqual(undisturbed);
    },
    6 * MINUTES,
  );
});
