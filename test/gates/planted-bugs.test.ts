/**
 * Bugs that once made, or could make, a table of numbers that mean nothing, each planted into a copy of
 * the sources. Every one must be stopped by its gate, by name; without it, the same run must pass.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyFlagship } from '../flagship/flagship.ts';
import type { RigProject } from '../rig/project.ts';

const MINUTES = 120_000;
const settings = (values: Readonly<Record<string, string>>) =>
  Object.entries(values).flatMap(([name, value]) => ['--set', `${name}=${value}`]);

/** Two pages, one epoch; generation stops before any letter, so that INVALID occurs. */
const TINY = settings({
  'params.topK': '2',
  'params.epochs': '1',
  'params.shots': '[0,5]',
  'stages.eval.params.scoring': '[likelihood,generate]',
  'stages.eval.params.maxTokens': '1',
});
const LEAKY = settings({
  'stages.templates.params.overlap': 'allow',
  'stages.eval.params.overlap': 'allow',
});

let project: RigProject;
beforeAll(async () => {
  project = copyFlagship();
  repeatEvalClaimsInTraining();
  const clean = await project.pipe('run', 'report', ...TINY);
  expect(clean.code, clean.stderr).toBe(0);
}, 5 * MINUTES);
afterAll(() => project.remove());

/** Training claims with the very texts that are asked: `templates` has to keep them out. */
function repeatEvalClaimsInTraining(): void {
  const lines = (name: string) => project.read(name).trimEnd().split('\n');
  const asked = lines('data/sample/dev.jsonl').filter((line) => line.includes('"Fenby_Noreda"'));
  expect(asked.length).toBeGreaterThan(5);
  const repeated = asked.map((line, at) => line.replace(/"id":\d+/, `"id":${900_000 + at}`));
  project.write(
    'data/sample/train.jsonl',
    `${[...lines('data/sample/train.jsonl'), ...repeated].join('\n')}\n`,
  );
}

interface Bug {
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
}

/** `templates` looks at what it wrote; without this, the bug reaches `eval`. */
const BLIND_TEMPLATES: Bug = {
  file: 'src/fever/template-set.ts',
  right: '  assertNoLeak(stats.leakage);',
  wrong: '  void assertNoLeak;',
};

/** Runs `eval` with the bugs in place, and puts the sources right again. */
async function evaluateWith(bugs: readonly Bug[], ...words: string[]) {
  const sources = bugs.map(({ file }) => readFileSync(join(project.folder, file), 'utf8'));
  bugs.forEach(({ file, right, wrong }, at) => {
    const source = sources[at]!;
    expect(source.split(right), `${file} has “${right}” once`).toHaveLength(2);
    writeFileSync(
      join(project.folder, file),
      source.replace(right, () => wrong),
    );
  });
  try {
    const { code, stderr } = await project.pipe('run', 'eval', ...TINY, ...words);
    return { code, stderr };
  } finally {
    bugs.forEach(({ file }, at) => {
      writeFileSync(join(project.folder, file), sources[at]!);
    });
  }
}

function stoppedBy(gate: string) {
  return { code: 1, stderr: expect.stringMatching(new RegExp(`FAILED eval.*: ${gate}: `)) };
}

describe('a planted bug is stopped by its gate', () => {
  it(
    'a memory that is never applied',
    async () => {
      const bug = {
        file: 'src/memory/examinee.ts',
        right: 'memory.on(model)]',
        wrong: '{ ...memory.on(model), adapters: new Map() }]',
      };
      const outcome = await evaluateWith([bug]);
      expect(outcome).toEqual(stoppedBy('effect gate'));
      expect(outcome.stderr).toContain('changes no logit of any prompt');
    },
    MINUTES,
  );

  it(
    'letters that are swapped between labels',
    async () => {
      const written = {
        file: 'src/fever/prompt.ts',
        right: 'choiceOf(shot.label, format.letters)',
        wrong: "choiceOf(shot.label === 'SUPPORTS' ? 'REFUTES' : 'SUPPORTS', format.letters)",
      };
      expect(await evaluateWith([written])).toEqual(stoppedBy('letter gate'));
      const read = {
        file: 'src/eval/judge.ts',
        right: 'LABELS[letters.indexOf(letter)]',
        wrong: 'LABELS[[1, 0, 2][letters.indexOf(letter)]!]',
      };
      expect(await evaluateWith([read])).toEqual(stoppedBy('letter gate'));
    },
    MINUTES,
  );

  it(
    'dev claims in the training text',
    async () => {
      const bug = {
        file: 'src/fever/leakage.ts',
        right: "policy === 'allow'\n      ? training",
        wrong: "policy !== 'fail'\n      ? training",
      };
      const early = await evaluateWith([bug]);
      expect(early.code).toBe(1);
      expect(early.stderr).toContain('templates: 9 eval claims are left in the training examples');
      const late = await evaluateWith([bug, BLIND_TEMPLATES]);
      expect(late).toEqual(stoppedBy('leakage gate'));
      expect(late.stderr).toContain('Fenby Noreda');
    },
    MINUTES,
  );

  it('an edge from dev data to training: a plan error that names the path', async () => {
    const pipeline = project.read('pipeline.yaml');
    const leaky = pipeline.replace('examples: templates.examples', 'examples: templates.prompts');
    expect(leaky).not.toBe(pipeline);
    project.write('pipeline.yaml', leaky);
    const { code, stderr } = await project.pipe('run', 'eval', '--dry-run', ...TINY);
    project.write('pipeline.yaml', pipeline);
    expect(code).toBe(2);
    expect(stderr).toContain('templates.prompts');
    expect(stderr).toMatch(/encode.*train|train.*encode/s);
    expect(stderr).toContain('dev');
  });

  it(
    'a few-shot example that equals the claim under test',
    async () => {
      const bug = {
        file: 'src/fever/shots.ts',
        right: '(bareText(shot.claim) === text ? spare : shot)',
        wrong: 'shot',
      };
      const early = await evaluateWith([bug], ...LEAKY);
      expect(early.code).toBe(1);
      expect(early.stderr).toContain('shots repeat the claim that is asked after them');
      const late = await evaluateWith([bug, BLIND_TEMPLATES], ...LEAKY);
      expect(late).toEqual(stoppedBy('shot gate'));
      const right = await project.pipe('run', 'eval', ...TINY, ...LEAKY);
      expect(right.code, right.stderr).toBe(0);
    },
    2 * MINUTES,
  );

  it(
    'INVALID counted as NOT ENOUGH INFO',
    async () => {
      const bug = {
        file: 'src/eval/judge.ts',
        right: 'letter === undefined ? INVALID :',
        wrong: "letter === undefined ? 'NOT ENOUGH INFO' :",
      };
      const outcome = await evaluateWith([bug]);
      expect(outcome).toEqual(stoppedBy('invalid gate'));
      expect(outcome.stderr).toContain('counts as NOT ENOUGH INFO');
    },
    MINUTES,
  );

  it(
    'predictions of one candidate under the name of another',
    async () => {
      const bug = {
        file: 'src/eval/judge.ts',
        right: 'replies.get(contestant.subjectOf(prompt).name)!',
        wrong:
          '([...replies].find(([name, each]) => /temp/.test(name) && each.has(text))?.[1] ?? ' +
          'replies.get(contestant.subjectOf(prompt).name)!)',
      };
      const outcome = await evaluateWith([bug]);
      expect(outcome).toEqual(stoppedBy('identity gate'));
      expect(outcome.stderr).toContain('"pretrained" says other things');
    },
    MINUTES,
  );

  it(
    'and without any of them, eval has nothing to run',
    async () => {
      const { ran, code } = await project.run('report', ...TINY);
      expect([code, ran]).toEqual([0, []]);
    },
    MINUTES,
  );
});
