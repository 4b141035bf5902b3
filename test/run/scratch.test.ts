/** A folder that is removed by what is known of it must not reach what is not in it. */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { Scratch } from '../../src/pipe/run/scratch.ts';
import { temporaryFolder } from '../store/temporary.ts';

function filled(): { scratch: Scratch; file: string; outside: string } {
  const folder = temporaryFolder();
  const scratch = new Scratch(join(folder, 'deep', 'scratch'));
  const file = join(scratch.root, 'in', 's', 'a.txt');
  scratch.folder(dirname(file));
  scratch.folder(join(scratch.root, 'out'));
  writeFileSync(file, 'copy');
  scratch.file(file);
  const outside = join(folder, 'outside');
  mkdirSync(outside);
  writeFileSync(join(outside, 'a.txt'), 'the user’s own');
  return { scratch, file, outside };
}

it.each<[string, (at: ReturnType<typeof filled>) => void]>([
  ['as it was left', () => undefined],
  [
    'with more in it',
    ({ scratch }) => {
      mkdirSync(join(scratch.root, 'out', 'more'));
      writeFileSync(join(scratch.root, 'out', 'more', 'b.txt'), '');
    },
  ],
  ['with less in it', ({ file }) => rmSync(dirname(file), { recursive: true })],
  ['without a file', ({ file }) => rmSync(file)],
  [
    'with a folder where a file was',
    ({ file }) => {
      rmSync(file);
      mkdirSync(file);
    },
  ],
  [
    'with a link where a folder was',
    ({ file, outside }) => {
      rmSync(dirname(file), { recursive: true });
      symlinkSync(outside, dirname(file));
    },
  ],
  [
    'with a link where the folder above one was',
    ({ scratch, outside }) => {
      mkdirSync(join(outside, 's'));
      writeFileSync(join(outside, 's', 'a.txt'), 'the user’s own, too');
      rmSync(join(scratch.root, 'in'), { recursive: true });
      symlinkSync(outside, join(scratch.root, 'in'));
    },
  ],
])('is gone, %s, and nothing else is', (_, change) => {
  const at = filled();
  change(at);
  const before = readdirSync(at.outside, { recursive: true });
  at.scratch.remove();
  expect(existsSync(at.scratch.root)).toBe(false);
  expect(readdirSync(at.outside, { recursive: true })).toEqual(before);
  expect(before.length).toBeGreaterThan(0);
});

it('takes the place of what a dead process of the same number left', () => {
  const { scratch } = filled();
  const again = new Scratch(scratch.root);
  expect(readdirSync(again.root)).toEqual([]);
});
