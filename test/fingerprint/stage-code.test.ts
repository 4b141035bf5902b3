import {
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import { dedent, printedProblems, writeFiles } from '../config/project-folder.ts';
import { digestsOf, loadCode, STAGE_MODULE, stageProject, stageText } from './stage-project.ts';

const PIPELINE = 'version: 1\nstages:\n  a: { use: stages/a.ts }\n  b: { use: stages/b.ts }\n';

const A = `import { defineStage, Type } from '${STAGE_MODULE}';
import { join, resolve } from 'node:path';
import { half } from '../src/half.ts';
import { twice } from '../src/twice.ts';
export default defineStage({
  description: 'a',
  params: Type.Object({ n: Type.Integer({ default: 3 }) }),
  inputs: { x: { kind: 'file' } },
  outputs: { out: { path: 'out.txt' } },
  run() { console.log(twice(half(3)), join('a', resolve('b'))); },
});
`;

const FILES = {
  'pipeline.yaml': PIPELINE,
  'stages/a.ts': A,
  'stages/b.ts': stageText('console.log("b")'),
  'src/twice.ts':
    "import { readFileSync } from 'node:fs';\nimport fc from 'fast-check';\nconst factor = 2;\nexport const twice = (x: number) => factor * x;\nexport const unused = () => [readFileSync('x'), fc];\n",
  'src/half.ts': 'const factor = 0.5;\nexport const half = (x: number) => factor * x;\n',
};

/** Digests before and after the files change. */
async function digestsAround(changed: { [path: string]: string }) {
  const root = stageProject(FILES);
  const before = await digestsOf(root);
  writeFiles(root, changed);
  return { before, after: await digestsOf(root) };
}

describe('the code digest does not see', () => {
  const harmless: [string, { [path: string]: string }][] = [
    [
      'comments of any kind',
      {
        'stages/a.ts': `/*! @license kept by some */\n${A.replace('run()', '// @preserve\n  /* here */ run()')}`,
        'src/half.ts': `// stages/a.ts\n/** Docs. */\n${FILES['src/half.ts']}`,
      },
    ],
    [
      'the description of the stage',
      { 'stages/a.ts': A.replace("description: 'a'", "description: 'says `more` of \\'a\\''") },
    ],
    [
      'format and quotes',
      {
        'src/half.ts':
          'const factor = .5\n\n\nexport const half = (x : number) =>\n  (factor * x)\n',
      },
    ],
    [
      'types',
      {
        'src/half.ts': `export interface Gone { a: number }\nimport type { Json } from './json.ts';\n${FILES['src/half.ts'].replace('(x: number)', '(x: number): number')}`,
        'src/json.ts': 'export type Json = 1;',
      },
    ],
    [
      'the order of imports and of their names',
      {
        'stages/a.ts': A.replace(
          /import \{ half.*\n(import \{ twice.*\n)/,
          (both, twice: string) => twice + both.replace(twice, ''),
        )
          .replace('join, resolve', 'resolve, join')
          .replace('defineStage, Type', 'Type, defineStage'),
      },
    ],
    [
      'an unused neighbour and what it imports',
      {
        'src/half.ts':
          "import { createHash } from 'node:crypto';\nimport * as yaml from 'yaml';\nexport const neighbour = () => [createHash('md5'), yaml];\nexport const twice = 7;\nexport class Other { static x = 1; }\n" +
          FILES['src/half.ts'],
      },
    ],
    [
      'a changed neighbour',
      { 'src/twice.ts': FILES['src/twice.ts'].replace("readFileSync('x')", "readFileSync('y')") },
    ],
    ['an unused import', { 'stages/a.ts': `import { unused } from '../src/twice.ts';\n${A}` }],
  ];
  it.each(harmless)('%s', async (_, changed) => {
    const { before, after } = await digestsAround(changed);
    expect(after).toEqual(before);
  });

  it('another stage, nor how many there are', async () => {
    const { before, after } = await digestsAround({
      'pipeline.yaml': `${PIPELINE}  c: { use: stages/c.ts }\n`,
      'stages/b.ts': stageText('console.log("other")'),
      'stages/c.ts': stageText(),
    });
    expect(after['stages/a.ts']).toBe(before['stages/a.ts']);
    expect(after['stages/b.ts']).not.toBe(before['stages/b.ts']);
  });

  it('where the project lies', async () => {
    const first = await digestsOf(stageProject(FILES));
    expect(await digestsOf(stageProject(FILES))).toEqual(first);
  });
});

describe('the code digest sees', () => {
  it('a changed constant, in just the stages that use it', async () => {
    const { before, after } = await digestsAround({
      'src/half.ts': FILES['src/half.ts'].replace('0.5', '0.25'),
    });
    expect(after['stages/a.ts']).not.toBe(before['stages/a.ts']);
    expect(after['stages/b.ts']).toBe(before['stages/b.ts']);
  });

  it('a text that only looks like a comment', async () => {
    const texts = ['// stages/a.ts', '// stages/b.ts', '/* x */'];
    const digests = await Promise.all(
      texts.map(async (text) => {
        const { after } = await digestsAround({
          'stages/b.ts': stageText(`console.log(${JSON.stringify(text)})`),
        });
        return after['stages/b.ts'];
      }),
    );
    expect(new Set(digests).size).toBe(3);
  });

  it('an import for its effect, and the order of two of them', async () => {
    const withEffects = (...names: string[]) =>
      names.map((name) => `import '${name}';\n`).join('') + A;
    const { before, after } = await digestsAround({ 'stages/a.ts': withEffects('yaml') });
    expect(after).not.toEqual(before);
    const there = await digestsAround({ 'stages/a.ts': withEffects('yaml', 'ajv') });
    const back = await digestsAround({ 'stages/a.ts': withEffects('ajv', 'yaml') });
    expect(there.after).not.toEqual(back.after);
  });
});

describe('loadStageCode', () => {
  it('gives declaration, packages and a bundle that holds what its digest says', async () => {
    const root = stageProject(FILES);
    const a = (await loadCode(root)).get('stages/a.ts')!;
    expect(a.declaration).toEqual({
      description: 'a',
      params: {
        type: 'object',
        required: ['n'],
        properties: { n: { type: 'integer', default: 3 } },
      },
      inputs: { x: { kind: 'file' } },
      outputs: { out: { path: 'out.txt' } },
    });
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const typebox = lock.packages['node_modules/@sinclair/typebox'].version;
    expect(a.code).toEqual({
      kind: 'module',
      bundle: basename(a.bundle, '.mjs'),
      packages: { '@sinclair/typebox': typebox },
    });
    const [text] = readFileSync(a.bundle, 'utf8').split('\n//# sourceMappingURL=');
    expect(digestOf(text!)).toBe(basename(a.bundle, '.mjs'));
  });

  it('does not bundle again what did not change, and does what did', async () => {
    const root = stageProject(FILES);
    for (const path of ['stages/a.ts', 'src/half.ts', 'src/twice.ts', 'stages/b.ts'])
      age(join(root, path));
    await loadCode(root);
    const written = () =>
      Object.fromEntries(
        readdirSync(join(root, 'cache/code')).map((name) => [
          name,
          statSync(join(root, 'cache/code', name)).ino,
        ]),
      );
    await waitForTick(root);
    await loadCode(root);
    const first = written();
    await loadCode(root);
    expect(written()).toEqual(first);
    writeFiles(root, { 'src/half.ts': FILES['src/half.ts'].replace('0.5', '0.75') });
    await loadCode(root);
    expect(Object.keys(written()).length).toBeGreaterThan(Object.keys(first).length);
  });

  it('notices an edit that keeps the size and the modification time', async () => {
    const root = stageProject(FILES);
    const path = join(root, 'src/half.ts');
    age(path);
    await waitForTick(root);
    const before = await digestsOf(root);
    const { atime, mtime } = statSync(path);
    writeFileSync(path, FILES['src/half.ts'].replace('0.5', '0.7'));
    utimesSync(path, atime, mtime);
    expect(await digestsOf(root)).not.toEqual(before);
  });

  it.each(['.mjs', '.json'])('repairs a damaged or missing %s', async (ending) => {
    const root = stageProject(FILES);
    const before = await loadCode(root);
    const file = before.get('stages/a.ts')!.bundle.replace('.mjs', ending);
    const text = readFileSync(file, 'utf8');
    writeFileSync(file, text.slice(0, text.length >> 1));
    expect(await loadCode(root)).toEqual(before);
    rmSync(file);
    expect(await loadCode(root)).toEqual(before);
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it('repairs a damaged manifest', async () => {
    const root = stageProject(FILES);
    const before = await loadCode(root);
    writeFileSync(join(root, 'cache/code/manifest.json'), '{');
    expect(await loadCode(root)).toEqual(before);
  });

  it('lets one bundle serve two stages', async () => {
    const root = stageProject({
      'pipeline.yaml':
        'version: 1\nstages:\n  a: { use: stages/a.ts }\n  c: { use: stages/a.ts }\n',
      'stages/a.ts': stageText(),
    });
    expect([...(await loadCode(root)).keys()]).toEqual(['stages/a.ts']);
  });

  it('loads nothing for a pipeline of commands', async () => {
    const root = stageProject({ 'pipeline.yaml': 'version: 1\nstages: { a: { cmd: "true" } }\n' });
    expect((await loadCode(root)).size).toBe(0);
    expect(existsSync(join(root, 'cache/code'))).toBe(false);
  });
});

describe('faulty stage code', () => {
  const print = (files: { [path: string]: string }, yaml = PIPELINE) => {
    const root = stageProject({ 'pipeline.yaml': yaml, ...files });
    return printedProblems(yaml, () => loadCode(root));
  };

  it('is told all at once: missing files, syntax errors, bad imports', async () => {
    const printed = await print(
      {
        'stages/a.ts': "import { x } from './gone.ts';\nexport default x;\n",
        'stages/c.ts': 'const = 3;\n',
        'stages/evaluate.ts': stageText(),
      },
      'version: 1\nstages:\n  a: { use: stages/a.ts }\n  b: { use: stages/evalute.ts }\n  c: { use: stages/c.ts }\n',
    );
    expect(printed).toBe(
      dedent(`
        pipeline.yaml:4:13: error: The stage "b" uses stages/evalute.ts, which does not exist. [missing-file]
          4 |   b: { use: stages/evalute.ts }
            |             ^^^^^^^^^^^^^^^^^
          hint: Did you mean "stages/evaluate.ts"?

        stages/a.ts:1:19: error: Could not resolve "./gone.ts" [stage-build]

        stages/c.ts:1:7: error: Expected identifier but found "=" [stage-build]
      `),
    );
  });

  it('names a missing default export, a bad declaration and code that throws', async () => {
    const printed = await print(
      {
        'stages/a.ts': 'export const stage = 1;\n',
        'stages/b.ts': stageText(
          '',
          "params: Type.Object({}), inputs: { x: { kind: 'fil' } }, outputs: { o: { path: '../o' }, p: { path: 'd/' }, q: { path: 'd/q' } }",
        ),
        'stages/c.ts': `${stageText()}\nthrow new Error('too early');\n`,
        'stages/d.ts': `import 'no-such-package';\n${stageText()}`,
      },
      `${PIPELINE}  c: { use: stages/c.ts }\n  d: { use: stages/d.ts }\n`,
    );
    expect(printed).toBe(
      dedent(`
        stages/a.ts: error: stages/a.ts exports no stage. [no-default-export]
          hint: Write \`export default defineStage({ … })\`.

        stages/b.ts: error: The stage that stages/b.ts declares is not valid: inputs.x has no kind of file, files, folder, fan-in. [bad-declaration]
          hint: Its default export should be defineStage({ description, params, inputs, outputs, run }).

        stages/b.ts: error: The stage that stages/b.ts declares is not valid: outputs.o has no "path" inside its artifact. [bad-declaration]
          hint: Its default export should be defineStage({ description, params, inputs, outputs, run }).

        stages/b.ts: error: The stage that stages/b.ts declares is not valid: the outputs "p" and "q" share the path d/q. [bad-declaration]
          hint: Its default export should be defineStage({ description, params, inputs, outputs, run }).

        stages/c.ts:4:7: error: stages/c.ts threw while it was imported: too early [stage-import]
          hint: Code at the top level of a stage runs before any task: move it into run().

        stages/d.ts: error: stages/d.ts imports the package "no-such-package", which is not installed. [stage-import]
          hint: Install it: npm install no-such-package
      `),
    );
  });
});

/** Makes a file look as if it was written long ago. */
function age(path: string): void {
  utimesSync(path, new Date(1e12), new Date(1e12));
}

/** A file's change time cannot be set: waits until it lies a tick in the past, then bundles. */
async function waitForTick(root: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 60));
  await loadCode(root);
}
