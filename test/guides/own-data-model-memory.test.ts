/** The guide, step by step, as a reader would do it: its files are written and its commands run. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { copyFlagship } from '../flagship/flagship.ts';
import { type RigProject, repository } from '../rig/project.ts';

const MINUTES = 60_000;
let project: RigProject;
beforeAll(() => {
  project = copyFlagship();
});
afterAll(() => project.remove());

interface Step {
  readonly file?: string;
  readonly text: string;
}

/** Fenced blocks in order: those with `file=` are files, those of `sh` commands. */
function stepsOf(guide: string): Step[] {
  return [...guide.matchAll(/^```(\w+)(?: file=(\S+))?\n([\s\S]*?)^```$/gm)].map(
    ([, language, file, text]) => {
      if (file !== undefined) return { file, text: text! };
      expect(language, 'a block that is neither a file nor commands').toBe('sh');
      return { text: text! };
    },
  );
}

/** `npx pipe` is this copy's own; everything else is the shell's. */
function runCommands(text: string): string {
  const prelude = 'set -e\nnpx() { shift; node bin/pipe.cjs "$@"; }\n';
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', prelude + text], {
    cwd: project.folder,
    encoding: 'utf8',
    env: { PATH: process.env.PATH, HOME: process.env.HOME, NO_COLOR: '1' },
  });
  expect(status, `${text}\n${stdout}\n${stderr}`).toBe(0);
  return stdout + stderr;
}

it(
  'every step of the guide works, and says what the guide says',
  () => {
    const guide = readFileSync(join(repository, 'docs/guides/own-data-model-memory.md'), 'utf8');
    const said: string[] = [];
    for (const { file, text } of stepsOf(guide)) {
      if (file === undefined) said.push(runCommands(text));
      else project.write(file, text);
    }
    const [data, , asked, run, results, changed] = said;
    expect(said).toHaveLength(6);
    expect(data).toMatch(/"nTrunc": 3\b/);
    expect(asked).toMatch(/-\d+\.\d+/);
    expect(run).toContain('notes: 2 notes added');
    expect(results).toMatch(/eval@mine.*accuracy/);
    expect(project.read('mine/report.html')).toContain('train@mine,doc,lora');
    expect(project.read('artifacts/report/results.json')).not.toMatch(/"verdict":"(yes|no)"/);
    expect(changed).toContain('mine/notes.txt');
    expect(changed).toContain('notes: 3 notes added');
    expect(changed).toMatch(/^templates: hit/m);
    expect(changed).toMatch(/^train@mine,doc,lora: done/m);
  },
  5 * MINUTES,
);
