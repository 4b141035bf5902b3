import { readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import { openRecordLog } from '../../src/pipe/store/record-log.ts';
import { openStatIndex } from '../../src/pipe/store/stat-index.ts';
import { temporaryFolder } from './temporary.ts';

function age(path: string, seconds: number): void {
  const then = Date.now() / 1000 - seconds;
  utimesSync(path, then, then);
}

describe('the stat index', () => {
  it('remembers digests over processes, and sees an edit of equal length', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.txt');
    const index = join(folder, 'index.json');
    writeFileSync(path, 'aaaa');
    age(path, 10);
    const first = openStatIndex(index);
    expect((await first.digest(path)).digest).toBe(digestOf('aaaa'));
    first.save();
    expect((await openStatIndex(index).digest(path)).digest).toBe(digestOf('aaaa'));
    writeFileSync(path, 'bbbb');
    age(path, 10);
    expect((await openStatIndex(index).digest(path)).digest).toBe(digestOf('bbbb'));
  });

  it('answers from the stat alone for an old file, and reads a racily clean one again', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.txt');
    const index = join(folder, 'index.json');
    writeFileSync(path, 'aaaa');
    const entryOf = () => {
      const entry = openRecordLog<{ hashedAtMs: number }>(index).read().get(path);
      return entry as { hashedAtMs: number };
    };
    const look = async () => {
      const open = openStatIndex(index);
      const { digest } = await open.digest(path);
      open.save();
      return { digest, at: entryOf().hashedAtMs };
    };
    const fresh = await look();
    await new Promise((done) => setTimeout(done, 5));
    expect((await look()).at).toBeGreaterThan(fresh.at); // too young to be trusted
    age(path, 10);
    const settled = await look();
    await new Promise((done) => setTimeout(done, 5));
    expect(await look()).toEqual(settled);
  });

  it('reads an index cut at any length as empty, and mends it', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'a.txt');
    const index = join(folder, 'index.json');
    writeFileSync(path, 'aaaa');
    age(path, 10);
    const open = openStatIndex(index);
    await open.digest(path);
    open.save();
    const whole = readFileSync(index);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(index, whole);
      truncateSync(index, length);
      expect((await openStatIndex(index).digest(path)).digest).toBe(digestOf('aaaa'));
    }
    const mended = openStatIndex(index);
    await mended.digest(path);
    mended.save();
    expect(readFileSync(index, 'utf8')).toContain(digestOf('aaaa'));
  });

  it('knows a large file again by XXH64 after a touch, and sees a changed byte', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'large.bin');
    const index = join(folder, 'index.json');
    const bytes = Buffer.alloc(33 * 1024 * 1024, 7);
    writeFileSync(path, bytes);
    age(path, 20);
    const open = openStatIndex(index);
    const { digest } = await open.digest(path);
    expect(digest).toBe(digestOf(bytes));
    age(path, 10);
    expect((await open.digest(path)).digest).toBe(digest);
    bytes[12_345_678] = 8;
    writeFileSync(path, bytes);
    expect((await open.digest(path)).digest).toBe(digestOf(bytes));
  });
});
