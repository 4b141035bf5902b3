/**
 * The package as its users get it: packed, unpacked into another project's node_modules, its types
 * compiled against, its API called, its command run there.
 */
import { execFileSync, spawn } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildTypes } from '../../build-types.mjs';
import { type Outcome, outcomeOf, repository } from '../rig/project.ts';

const FILES = {
  'package.json': '{ "type": "module" }\n',
  'pipeline.yaml': `version: 1
params: { by: 2 }
stages:
  scale:
    use: stages/scale.ts
    matrix: { add: [0, 1] }
    inputs: { numbers: data/numbers.txt }
    params: { by: "\${params.by}", add: "\${matrix.add}" }
`,
  'data/numbers.txt': '1\n2\n',
  'stages/scale.ts': `import { readFileSync, writeFileSync } from 'node:fs';
import { defineStage, type Estimate, StageError, Type } from 'mempipe';

export default defineStage({
  description: 'scales numbers',
  params: Type.Object({ by: Type.Number(), add: Type.Number({ default: 0 }) }),
  inputs: { numbers: { kind: 'file' } },
  outputs: { out: { path: 'out.txt' } },
  run({ inputs, outputs, params, metric }) {
    const numbers = readFileSync(inputs.numbers.path, 'utf8').trim().split('\\n').map(Number);
    if (numbers.some(Number.isNaN)) throw new StageError('not a number', { hint: 'mend it' });
    const mean: Estimate = { value: 1.5, low: 1, high: 2 };
    metric({ mean, count: numbers.length });
    const scaled = numbers.map((number) => number * params.by + params.add);
    writeFileSync(outputs.out, \`\${scaled.join('\\n')}\\n\`);
  },
});
`,
  'main.ts': `import { DiagnosticError, type Event, loadPipeline, run, type Summary } from 'mempipe';

const events: Event['type'][] = [];
const pipeline = await loadPipeline('pipeline.yaml', { set: { 'params.by': 3 } });
const summary: Summary = await run(pipeline, {
  targets: ['scale'],
  where: { add: '1' },
  jobs: 1,
  signal: new AbortController().signal,
  onEvent: (event) => {
    events.push(event.type);
    if (event.type === 'taskFailed') console.error(event.reason);
  },
});
// @ts-expect-error
export type Jobs = (typeof run extends (pipeline: never, options: infer Options) => unknown ? Options : never)['job'];
// @ts-expect-error
export const reason = (event: Event & { type: 'taskFailed' }) => event.reason === 'no such reason';
const again = await run(pipeline, { where: { add: '1' } });
const forced = await run(pipeline, { where: { add: '1' }, force: true });
const wrong = await loadPipeline('missing.yaml').catch((error: unknown) =>
  error instanceof DiagnosticError ? error.diagnostics.map(({ code }) => code) : [],
);
console.log(JSON.stringify({ tasks: pipeline.tasks, events, runs: [summary, again, forced], wrong }));
`,
};

let folder: string;
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'pipe-package-')));
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  buildTypes();
  installPacked();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The tarball's own files; what it depends on is the repository's. dist/ was built before the tests. */
function installPacked(): void {
  const packed = execFileSync(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--loglevel=error', '--pack-destination', folder],
    { cwd: repository, encoding: 'utf8' },
  );
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }];
  const target = join(folder, 'node_modules', 'mempipe');
  mkdirSync(target, { recursive: true });
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components=1']);
  for (const name of readdirSync(join(repository, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    symlinkSync(join(repository, 'node_modules', name), join(folder, 'node_modules', name));
  }
}

function node(...words: string[]): Promise<Outcome> {
  const { NODE_EXTRA_CA_CERTS: _certificates, ...env } = process.env;
  return outcomeOf(spawn(process.execPath, words, { cwd: folder, env }));
}

const compilerOptions = (module: 'NodeNext' | 'Bundler') =>
  ({
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2023,
    lib: ['lib.es2023.d.ts'],
    module: module === 'Bundler' ? ts.ModuleKind.ESNext : ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind[module],
    types: ['node'],
    // What the program must refuse shows that the package's declarations resolve to the last.
    skipLibCheck: true,
  }) satisfies ts.CompilerOptions;

it.each(['NodeNext', 'Bundler'] as const)('has types that a %s project compiles with', (module) => {
  const files = ['main.ts', 'stages/scale.ts'].map((name) => join(folder, name));
  const program = ts.createProgram(files, compilerOptions(module));
  const problems = ts
    .getPreEmitDiagnostics(program)
    .map(
      ({ file, messageText }) =>
        `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  expect(problems).toEqual([]);
});

it('loads and runs a pipeline from a program', async () => {
  const { outputText } = ts.transpileModule(FILES['main.ts'], {
    compilerOptions: compilerOptions('Bundler'),
  });
  writeFileSync(join(folder, 'main.mjs'), outputText);
  const { code, stdout, stderr } = await node('main.mjs');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const { tasks, events, runs, wrong } = JSON.parse(stdout);
  expect(tasks).toEqual([
    { id: 'scale@0', stage: 'scale', cell: { add: '0' }, params: { by: 3, add: 0 }, upstream: [] },
    { id: 'scale@1', stage: 'scale', cell: { add: '1' }, params: { by: 3, add: 1 }, upstream: [] },
  ]);
  expect(events).toEqual(['runStarted', 'taskStarted', 'taskMetric', 'taskRan', 'summary']);
  expect(runs).toMatchObject([{ ran: 1 }, { ran: 0, hits: 1 }, { ran: 1, failed: 0 }]);
  expect(wrong).toEqual(['missing-file']);
  expect(readFileSync(join(folder, 'artifacts/scale@1/out.txt'), 'utf8')).toBe('4\n7\n');
});

it('runs as a command there', async () => {
  const bin = join(folder, 'node_modules', 'mempipe', 'bin', 'pipe.cjs');
  const { code, stderr } = await node(bin, 'run');
  expect(code).toBe(0);
  expect(stderr).toContain('2 tasks run, 0 hits in ');
  expect(readFileSync(join(folder, 'artifacts/scale@0/out.txt'), 'utf8')).toBe('2\n4\n');
});
