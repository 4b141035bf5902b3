import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { grants, permissionFlag } from '../../src/pipe/run/permission.ts';

describe('grants', () => {
  it('leaves out what a folder covers', () => {
    expect(grants(['/p/data', '/p/data/deep'], ['/p/data/a', '/p/b'])).toEqual(['/p/data', '/p/b']);
  });

  it('widens a folder whose name another path goes on from', () => {
    expect(grants(['/p/data', '/p/e'], ['/p/data2/a', '/p/datax'])).toEqual(['/p/data*', '/p/e']);
    expect(grants(['/p/data2'], ['/p/data'])).toEqual(['/p/data2', '/p/data']);
  });
});

describe('Node’s permission model', () => {
  let root: string;
  const names = [
    'd/f',
    'data/f',
    'data/in/g',
    'data2/f',
    'data2/in/g',
    'datax',
    'ex/y/f',
    'ex/yz/f',
  ];
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'pipe-permission-'));
    for (const name of names) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), name);
    }
    writeFileSync(
      join(root, 'try.mjs'),
      `import { readdirSync, readFileSync } from 'node:fs';
       const { folders, files } = JSON.parse(process.argv[2]);
       const works = (action) => { try { action(); return true; } catch { return false; } };
       const listed = folders.filter((path) => works(() => readdirSync(path)));
       console.log(JSON.stringify([...listed, ...files.filter((path) => works(() => readFileSync(path)))]));`,
    );
  });
  afterAll(() => rmSync(root, { recursive: true }));

  /** What of it all a process can read that was granted these. */
  function readable(folders: readonly string[], files: readonly string[]): string[] {
    const at = (name: string) => join(root, name);
    const everything = {
      folders: ['d', 'data', 'data2', 'ex/y', 'ex'].map(at),
      files: names.map(at),
    };
    const flags = grants(folders.map(at), [...files.map(at), at('try.mjs')]);
    const output = execFileSync(process.execPath, [
      permissionFlag(process.versions.node),
      '--no-warnings',
      ...flags.map((path) => `--allow-fs-read=${path}`),
      at('try.mjs'),
      JSON.stringify(everything),
    ]);
    return (JSON.parse(String(output)) as string[]).map((path) => path.slice(root.length + 1));
  }

  it.each<[readonly string[], readonly string[], readonly string[]]>([
    [['data'], [], ['data', 'data/f', 'data/in/g']],
    [['data'], ['data/f', 'data/in/g'], ['data', 'data/f', 'data/in/g']],
    [[], ['data/f', 'datax'], ['data/f', 'datax']],
    [['d'], ['ex/yz/f'], ['d', 'd/f', 'ex/yz/f']],
    [['ex/y'], ['data/f'], ['ex/y', 'data/f', 'ex/y/f']],
  ])('lets read %j and %j and nothing else', (folders, files, expected) => {
    expect(readable(folders, files)).toEqual(expected);
  });

  it('lists a folder beside one whose name goes on', () => {
    expect(readable(['data'], ['data2/f'])).toEqual(expect.arrayContaining(['data', 'data2/f']));
    expect(readable(['data'], ['data2/f'])).not.toContain('d/f');
  });
});

it('names the flag by the version of Node', () => {
  expect(['20.19.0', '22.12.0', '23.4.1'].map(permissionFlag)).toEqual(
    Array(3).fill('--experimental-permission'),
  );
  expect(['22.13.0', '23.5.0', '24.0.0'].map(permissionFlag)).toEqual(
    Array(3).fill('--permission'),
  );
});
