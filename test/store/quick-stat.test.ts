import {
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { openLook } from '../../src/pipe/store/quick-stat.ts';

const folder = mkdtempSync(join(tmpdir(), 'pipe-look-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('says what the public function says, of files, links, folders and nothing', () => {
  const file = join(folder, 'file');
  writeFileSync(file, 'twelve bytes');
  utimesSync(file, 1.7e9 + 0.123456, 1.7e9 + 0.654321);
  mkdirSync(join(folder, 'inner'));
  symlinkSync('file', join(folder, 'link'));
  symlinkSync('nowhere', join(folder, 'dangling'));
  symlinkSync('circle', join(folder, 'circle'));
  const look = openLook(file);
  for (const name of ['file', 'inner', 'link']) {
    const path = join(folder, name);
    for (const follow of [true, false]) {
      const stat = follow ? statSync(path) : statSync(path, { throwIfNoEntry: false });
      expect(look.at(path, follow)).toBe(true);
      if (!follow && name === 'link') continue;
      expect([...look.found]).toEqual([
        stat?.size,
        stat?.mtimeMs,
        stat?.ctimeMs,
        stat?.ino,
        stat?.mode,
        stat?.nlink,
      ]);
    }
  }
  expect(look.at(join(folder, 'link'), false)).toBe(true);
  expect(look.found[0]).toBe('file'.length);
  for (const name of ['dangling', 'circle', 'absent', 'file/below']) {
    expect(look.at(join(folder, name), true)).toBe(false);
  }
});
