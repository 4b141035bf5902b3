import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { xxhash } from '../../src/pipe/store/hash-file.ts';
import { memoPath, openMemo } from '../../src/pipe/store/memo.ts';
import { temporaryFolder } from './temporary.ts';

const hash = await xxhash();
const bytes = (text: string) => Buffer.from(text);
const textOf = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

describe('memo', () => {
  it('keeps records over processes, and tells names and versions apart', () => {
    const folder = temporaryFolder();
    const first = openMemo(memoPath(folder, 'pages', 1), hash);
    expect(first.get('a')).toBeUndefined();
    first.set('a', bytes('alpha'));
    first.set('b', bytes(''));
    first.set('a', bytes('beta'));
    const second = openMemo(memoPath(folder, 'pages', 1), hash);
    expect(textOf(second.get('a'))).toBe('beta');
    expect(textOf(second.get('b'))).toBe('');
    expect(openMemo(memoPath(folder, 'pages', 2), hash).get('a')).toBeUndefined();
  });

  it('sees what another process appended, and does not write twice what is known', () => {
    const path = memoPath(temporaryFolder(), 'pages', 1);
    const [one, two] = [openMemo(path, hash), openMemo(path, hash)];
    one.set('a', bytes('alpha'));
    expect(textOf(two.get('a'))).toBe('alpha');
    const size = statSync(path).size;
    two.set('a', bytes('alpha'));
    expect(statSync(path).size).toBe(size);
  });

  it('tolerates a file cut at any length, and goes on behind the torn record', () => {
    const path = memoPath(temporaryFolder(), 'pages', 1);
    const memo = openMemo(path, hash);
    memo.set('a', bytes('alpha'));
    const firstEnd = statSync(path).size;
    memo.set('b', bytes('beta'));
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      const torn = openMemo(path, hash);
      expect(textOf(torn.get('a'))).toBe(length < firstEnd ? undefined : 'alpha');
      expect(torn.get('b')).toBeUndefined();
      torn.set('c', bytes('gamma'));
      const again = openMemo(path, hash);
      expect(textOf(again.get('c'))).toBe('gamma');
      expect(textOf(again.get('a'))).toBe(length < firstEnd ? undefined : 'alpha');
    }
  });

  it('never returns a damaged value', () => {
    const path = memoPath(temporaryFolder(), 'pages', 1);
    openMemo(path, hash).set('a', bytes('alpha'));
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(path, damaged);
      expect(openMemo(path, hash).get('a')).toBeUndefined();
    }
  });

  it('holds many records, larger than its window', () => {
    const path = memoPath(temporaryFolder(), 'pages', 1);
    const memo = openMemo(path, hash);
    const value = (index: number) => Buffer.alloc((index * 997) % 200_000, index % 251);
    for (let index = 0; index < 60; index += 1) memo.set(`key ${index}`, value(index));
    const again = openMemo(path, hash);
    for (let index = 0; index < 60; index += 1) {
      expect(Buffer.compare(again.get(`key ${index}`) as Uint8Array, value(index))).toBe(0);
    }
  });
});
