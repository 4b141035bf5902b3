import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fastGlob from 'fast-glob';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expandSources, means } from '../../src/pipe/run/source-files.ts';

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'pipe-sources-'));
  const files = [
    'data/a.txt',
    'data/b.md',
    'data/deep/c.txt',
    'data/deep/er/d.txt',
    'data/.hidden',
    'data/x+y (1).txt',
    'data/[odd].txt',
    'other/e.txt',
  ];
  for (const file of files) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), file);
  }
  symlinkSync(join(root, 'other'), join(root, 'data/linked'));
});

afterAll(() => rmSync(root, { recursive: true }));

async function names(...patterns: string[]): Promise<string[]> {
  return (await expandSources(root, patterns)).files.map(({ name }) => name);
}

describe('expandSources', () => {
  it('takes a file, a folder, several of them', async () => {
    expect(await names('data/a.txt')).toEqual(['a.txt']);
    expect(await names('data/deep')).toEqual(['c.txt', 'er/d.txt']);
    expect(await names('data/a.txt', 'other/e.txt')).toEqual(['data/a.txt', 'other/e.txt']);
    expect(await names('data/deep', 'data/deep/c.txt')).toEqual(['c.txt', 'er/d.txt']);
    expect((await expandSources(root, ['data/nothing.txt'])).missing).toEqual(['data/nothing.txt']);
  });

  it('takes a name with magic in it as it is, where such a file exists', async () => {
    expect(await names('data/[odd].txt')).toEqual(['[odd].txt']);
  });

  it.each([
    'data/*.txt',
    'data/**',
    'data/**/*.txt',
    '**/c.txt',
    'data/{a,b}.*',
    'data/deep/**/?.txt',
    'da*/deep/*.txt',
    'data/*/c.txt',
    'data/[ab].*',
  ])('means by %s what fast-glob means', async (pattern) => {
    const { files } = await expandSources(root, [pattern]);
    const found = files.map(({ path }) => path).sort();
    const expected = (await fastGlob(pattern, { cwd: root })).map((name) => join(root, name));
    expect(found).toEqual(expected.sort());
    expect(found.length).toBeGreaterThan(0);
  });

  it('leaves dotfiles out unless the pattern names them', async () => {
    expect(await names('data/.*')).toEqual(['.hidden']);
    expect(await names('data/*')).not.toContain('.hidden');
  });
});

describe('means', () => {
  it('tells files of a pattern, even those that are gone', () => {
    const at = (name: string) => join(root, name);
    expect(means(root, 'data/a.txt', at('data/a.txt'))).toBe(true);
    expect(means(root, 'data', at('data/deep/gone.txt'))).toBe(true);
    expect(means(root, 'data/*.txt', at('data/gone.txt'))).toBe(true);
    expect(means(root, 'data/*.txt', at('data/gone.md'))).toBe(false);
    expect(means(root, 'data/a.txt', at('data/a.txt.bak'))).toBe(false);
  });
});
