/** This project's own stages, formatted and commented in another way: no digest may change. */
import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { digestsOf, stageProject } from './stage-project.ts';

const HERE = resolve(import.meta.dirname, '../..');
const OTHER_STYLE = {
  root: true,
  formatter: { enabled: true, indentStyle: 'tab', lineWidth: 60 },
  javascript: {
    formatter: {
      quoteStyle: 'double',
      semicolons: 'asNeeded',
      trailingCommas: 'none',
      arrowParentheses: 'asNeeded',
      bracketSpacing: false,
    },
  },
  linter: {
    enabled: true,
    rules: { recommended: false, style: { useBlockStatements: 'error' } },
  },
  assist: { actions: { source: { organizeImports: 'off' } } },
};

it('a new style, new comments and braces in every file of src/ and stages/', async () => {
  const stages = readdirSync(join(HERE, 'stages')).filter((name) => name.endsWith('.ts'));
  const yaml = stages.map((name, index) => `  s${index}: { use: stages/${name} }\n`);
  const root = stageProject({
    'pipeline.yaml': `version: 1\nstages:\n${yaml.join('')}`,
    'package.json': readFileSync(join(HERE, 'package.json')),
    'biome.json': JSON.stringify(OTHER_STYLE),
  });
  for (const folder of ['src', 'stages']) {
    cpSync(join(HERE, folder), join(root, folder), { recursive: true });
  }
  const before = await digestsOf(root);
  expect(Object.keys(before)).toHaveLength(stages.length);

  for (const file of sourceFiles(root)) {
    const text = readFileSync(file, 'utf8');
    const commented = text.replace(/^(export|import|function) /gm, '/* a comment */\n$1 ');
    writeFileSync(file, `// Another header.\n${commented}`);
  }
  const biome = join(HERE, 'node_modules/@biomejs/biome/bin/biome');
  const args = ['check', '--write', '--unsafe', 'src', 'stages'];
  execFileSync(process.execPath, [biome, ...args], { cwd: root, stdio: 'pipe' });
  const reformatted = sourceFiles(root).map((file) => readFileSync(file, 'utf8'));
  expect(reformatted.some((text) => /^\t/m.test(text))).toBe(true);
  expect(await digestsOf(root)).toEqual(before);
});

function sourceFiles(root: string): string[] {
  return ['src', 'stages'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(root, folder, name)),
  );
}
