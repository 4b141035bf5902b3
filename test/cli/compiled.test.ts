import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compiledPath, loadCompiled } from '../../src/cli/compiled.ts';
import { temporaryFolder } from '../store/temporary.ts';

const bundle = (value: number) =>
  `exports.value = () => ${value};\nexports.name = require('node:path').basename(__filename);\n`;

const ran = (file: string) => {
  const { value, name } = loadCompiled(file).exports as { value: () => number; name: string };
  return { value: value(), name };
};

it('runs a bundle, with and without what V8 made of it', () => {
  const file = join(temporaryFolder(), 'bundle.cjs');
  writeFileSync(file, bundle(1));
  expect(ran(file)).toEqual({ value: 1, name: 'bundle.cjs' });
  const { exports, toKeep } = loadCompiled(file);
  (exports as { value: () => number }).value();
  writeFileSync(compiledPath(file), toKeep());
  expect(ran(file)).toEqual({ value: 1, name: 'bundle.cjs' });
});

it('never runs what was made of another source, though it is as long', () => {
  const file = join(temporaryFolder(), 'bundle.cjs');
  writeFileSync(file, bundle(1));
  writeFileSync(compiledPath(file), loadCompiled(file).toKeep());
  writeFileSync(file, bundle(2));
  expect(ran(file).value).toBe(2);
});

it('takes what is cut or damaged for nothing', () => {
  const file = join(temporaryFolder(), 'bundle.cjs');
  writeFileSync(file, bundle(1));
  const kept = loadCompiled(file).toKeep();
  const path = compiledPath(file);
  for (let length = 0; length < kept.length; length += 13) {
    writeFileSync(path, kept);
    truncateSync(path, length);
    expect(ran(file).value).toBe(1);
  }
  for (let at = 0; at < kept.length; at += 13) {
    const flipped = Buffer.from(kept);
    flipped[at] = (flipped[at] as number) ^ 4;
    writeFileSync(path, flipped);
    expect(ran(file).value).toBe(1);
  }
  expect(readFileSync(file, 'utf8')).toBe(bundle(1));
});
