import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import { type Blobs, openBlobs } from '../../src/pipe/store/blobs.ts';
import { temporaryFolder } from './temporary.ts';

let folder: string;
let blobs: Blobs;

beforeEach(() => {
  folder = temporaryFolder();
  blobs = openBlobs(join(folder, 'blobs'));
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, text);
  return path;
}

describe('putFile', () => {
  it('moves the file under its SHA-256, read-only', async () => {
    const path = file('a.txt', 'hello');
    const record = await blobs.putFile(path);
    expect(record).toEqual({ kind: 'file', digest: digestOf('hello'), sizeBytes: 5 });
    expect(existsSync(path)).toBe(false);
    expect(blobs.path(record.digest).endsWith(`blobs/2c/${record.digest}`)).toBe(true);
    expect(statSync(blobs.path(record.digest)).mode & 0o777).toBe(0o444);
  });

  it('keeps the blob that is there when the content is known', async () => {
    const { digest } = await blobs.putFile(file('a', 'same'));
    const inode = statSync(blobs.path(digest)).ino;
    await blobs.putFile(file('b', 'same'));
    expect(statSync(blobs.path(digest)).ino).toBe(inode);
  });

  it('copies a file that has other names, so that they cannot change the blob', async () => {
    const shared = file('shared', 'text');
    linkSync(shared, join(folder, 'output'));
    const { digest } = await blobs.putFile(join(folder, 'output'));
    writeFileSync(shared, 'TEXT');
    expect(readFileSync(blobs.path(digest), 'utf8')).toBe('text');
    symlinkSync(shared, join(folder, 'link'));
    const linked = await blobs.putFile(join(folder, 'link'));
    expect(linked.digest).toBe(digestOf('TEXT'));
    expect(readFileSync(shared, 'utf8')).toBe('TEXT');
  });

  it('replaces a corrupt blob of the same digest', async () => {
    const { digest } = await blobs.putFile(file('a', 'good'));
    chmodSync(blobs.path(digest), 0o644);
    writeFileSync(blobs.path(digest), 'evil');
    await blobs.putFile(file('b', 'good'));
    expect(readFileSync(blobs.path(digest), 'utf8')).toBe('good');
    expect(readdirSync(join(folder, 'blobs', digest.slice(0, 2)))).toEqual([digest]);
  });
});

describe('check', () => {
  it('trusts a sealed blob and rehashes one whose times moved', async () => {
    const { digest } = await blobs.putFile(file('a', 'hello'));
    expect(await blobs.check(digest, 5)).toBe('good');
    utimesSync(blobs.path(digest), 1, 1);
    expect(await blobs.check(digest, 5)).toBe('good');
  });

  it('finds every truncation and every flipped byte', async () => {
    const text = 'a few bytes of content';
    const { digest } = await blobs.putFile(file('a', text));
    const path = blobs.path(digest);
    chmodSync(path, 0o644);
    for (let length = 0; length < text.length; length += 1) {
      writeFileSync(path, text);
      truncateSync(path, length);
      expect(await blobs.check(digest, text.length)).toBe('corrupt');
      expect(await blobs.check(digest)).toBe('corrupt');
      const flipped = Buffer.from(text);
      flipped[length] = (flipped[length] ?? 0) ^ 1;
      writeFileSync(path, flipped);
      expect(await blobs.check(digest, text.length)).toBe('corrupt');
    }
    blobs.discard(digest);
    expect(await blobs.check(digest)).toBe('missing');
  });
});

describe('folders', () => {
  it('names a folder by its canonical listing, whatever the order of writing', async () => {
    for (const name of ['b.txt', 'a/\u{10000}.txt', 'a/\uffee.txt']) file(`one/${name}`, name);
    for (const name of ['a/\uffee.txt', 'a/\u{10000}.txt', 'b.txt']) file(`two/${name}`, name);
    const one = await blobs.putFolder(join(folder, 'one'));
    const two = await blobs.putFolder(join(folder, 'two'));
    expect(one).toEqual(two);
    const names = blobs.listing(one.digest).map(({ name }) => name);
    expect(names).toEqual(['a/\uffee.txt', 'a/\u{10000}.txt', 'b.txt']);
  });

  it('materialises files and folders, and sees the loss of one entry', async () => {
    file('out/x/deep.txt', 'deep');
    file('out/y.txt', 'why');
    const record = await blobs.putFolder(join(folder, 'out'));
    blobs.materialise(record, join(folder, 'view'));
    expect(readFileSync(join(folder, 'view/x/deep.txt'), 'utf8')).toBe('deep');
    expect((await blobs.checkOutput(record)).state).toBe('good');
    blobs.discard(digestOf('why'));
    expect(await blobs.checkOutput(record)).toEqual({ state: 'missing', digest: digestOf('why') });
  });
});
