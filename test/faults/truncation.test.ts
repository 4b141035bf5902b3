/**
 * Every file of the store, cut short: the next run is right, repeats nothing but what was lost, and
 * the one after it finds all in order. A slice goes through the real command line; `npm run
 * test:faults` tries every length of every file in this process.
 */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import { readChecked, writeChecked } from '../../src/pipe/store/checked-file.ts';
import { loadState, openCheckpoint } from '../../src/pipe/store/checkpoint.ts';
import { xxhash } from '../../src/pipe/store/hash-file.ts';
import { isLock, openLocks } from '../../src/pipe/store/locks.ts';
import { openMemo } from '../../src/pipe/store/memo.ts';
import { ownIdentity } from '../../src/pipe/store/process-identity.ts';
import { openProject, type Project, stage } from '../run/project.ts';
import { temporaryFolder } from '../store/temporary.ts';
import { filesBelow, isThorough, pipe, slice } from './faulty.ts';

const PIPELINE = `version: 1
stages:
  head: { cmd: "head -n 1 \${inputs.a} > \${outputs.out}", inputs: { a: a.txt }, outputs: { out: out.txt } }
  parts: { cmd: "mkdir \${outputs.all}/x; cat \${inputs.h} > \${outputs.all}/x/1; echo same > \${outputs.all}/2", inputs: { h: head.out }, outputs: { all: all/ } }
  sum: { use: stages/sum.ts, inputs: { all: parts.all } }
`;

const SUM = stage(`
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
export default defineStage({
  description: 'reads a folder and remembers',
  params: Type.Object({}),
  inputs: { all: { kind: 'folder' } },
  outputs: { sum: { path: 'sum.txt' } },
  run({ inputs, outputs, memo }) {
    const text = readFileSync(join(inputs.all.path, 'x', '1'), 'utf8');
    memo('texts', 1).set(text, Buffer.from('sum of ' + text));
    writeFileSync(outputs.sum, memo('texts', 1).get(text));
  },
});
`);

let project: Project;

beforeAll(async () => {
  project = openProject({ 'pipeline.yaml': PIPELINE, 'stages/sum.ts': SUM, 'a.txt': 'v\nrest\n' });
  await project.build();
});
afterAll(() => project.remove());

/** One file of each kind: the folder, and what its names have in common. */
function oneOfEachKind(): string[] {
  const kinds = new Map<string, string>();
  const files = filesBelow(project.root, 'cache').filter((name) => !name.endsWith('.map'));
  for (const name of files) {
    const plain = name.replace(/[0-9a-f]{16,}/g, '#').replace(/\/[0-9a-f]{2}\//g, '/#/');
    const size = lstatSync(project.path(name)).size;
    const isLarger = size > lstatSync(project.path(kinds.get(plain) ?? name)).size;
    if (!kinds.has(plain) || isLarger) kinds.set(plain, name);
  }
  return [...kinds.values()].sort();
}

function cut(name: string, length: number): void {
  const path = project.path(name);
  chmodSync(path, 0o644);
  truncateSync(path, length);
}

const isResult = (name: string) => /^cache\/(blobs|traces\/(?!by-task))/.test(name);

async function expectHealed(ran: readonly string[], name: string, length: number): Promise<void> {
  const where = `${name} cut at ${length}`;
  if (!isResult(name)) expect(ran, where).toEqual([]);
  expect(project.read('artifacts/sum/sum.txt'), where).toBe('sum of v\n');
  expect(project.read('artifacts/parts/all/x/1'), where).toBe('v\n');
  expect(project.read('artifacts/parts/all/2'), where).toBe('same\n');
}

it('is healed by the next run of the command line', { timeout: 3_600_000 }, async () => {
  const names = oneOfEachKind();
  expect(names.length).toBeGreaterThan(8);
  for (const [index, name] of slice(names, 12).entries()) {
    const size = statSync(project.path(name)).size;
    const length = [0, 1, Math.floor(size / 2), size - 1][index % 4] ?? 0;
    cut(name, Math.max(0, Math.min(length, size - 1)));
    const healed = await pipe(project.root, ['run', '--json']);
    expect(healed, `${name} cut at ${length}: ${healed.stderr}`).toMatchObject({ code: 0 });
    await expectHealed(healed.ran, name, length);
  }
  expect((await pipe(project.root, ['run', '--json'])).events.at(-1)).toMatchObject({ ran: 0 });
  expect((await pipe(project.root, ['verify', '--repair'])).code).toBe(0);
  expect((await pipe(project.root, ['verify'])).stdout).toContain('all is well');
});

it.runIf(isThorough)('is healed at every length', async () => {
  let cuts = 0;
  for (const name of oneOfEachKind()) {
    const size = statSync(project.path(name)).size;
    for (let length = 0; length < size; length += 1) {
      if (statSync(project.path(name), { throwIfNoEntry: false }) === undefined) break;
      cut(name, Math.min(length, statSync(project.path(name)).size));
      const { ran, summary } = await project.build();
      expect(summary, `${name} cut at ${length}`).toMatchObject({ failed: 0, skipped: 0 });
      await expectHealed(ran, name, length);
      cuts += 1;
    }
  }
  expect((await project.build()).summary.ran).toBe(0);
  console.log(`truncation: ${cuts} cuts`);
});

describe('each kind of file, at every length', () => {
  const everyLength = (path: string, look: (whole: boolean) => void) => {
    const bytes = readFileSync(path);
    for (let length = 0; length <= bytes.length; length += 1) {
      writeFileSync(path, bytes.subarray(0, length));
      look(length === bytes.length);
    }
  };

  it('reads a checked file as absent', () => {
    const path = join(temporaryFolder(), 'file.json');
    writeChecked(path, { some: 'text', more: [1, 2, { three: null }] });
    everyLength(path, (whole) => expect(readChecked(path) !== undefined).toBe(whole));
  });

  it('reads a checkpoint as none', () => {
    const folder = temporaryFolder();
    openCheckpoint(folder).save(Buffer.from('the state'));
    const path = join(folder, 'state');
    everyLength(path, (whole) => expect(loadState(path) !== undefined).toBe(whole));
  });

  it('finds the whole records of a memo, and appends behind the torn one', async () => {
    const path = join(temporaryFolder(), 'memo');
    const hash = await xxhash();
    const writing = openMemo(path, hash);
    for (const key of ['a', 'b', 'c']) writing.set(key, Buffer.from(`value of ${key}`));
    writing.close();
    const third = statSync(path).size / 3;
    let length = 0;
    everyLength(path, () => {
      const memo = openMemo(path, hash);
      const found = ['a', 'b', 'c'].filter((key) => memo.get(key) !== undefined);
      expect(found).toEqual(['a', 'b', 'c'].slice(0, Math.floor(length / third)));
      memo.set('d', Buffer.from('behind it'));
      memo.close();
      const again = openMemo(path, hash);
      expect(again.get('d')).toEqual(Buffer.from('behind it'));
      again.close();
      length += 1;
    });
  });

  it('takes a torn lock over, at once if it is old', () => {
    const folder = temporaryFolder();
    const path = join(folder, 'key');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, `${JSON.stringify({ ...ownIdentity(), pid: 2 ** 30, token: 'x' })}\n`);
    everyLength(path, () => {
      utimesSync(path, 1, 1);
      const lock = openLocks(folder).tryAcquire(basename(path));
      expect(isLock(lock)).toBe(true);
      if (isLock(lock)) lock.release();
    });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('knows a blob cut short by its size, and the seal of one that was filled up again', async () => {
    const blobs = project.store().blobs;
    const source = join(temporaryFolder(), 'x');
    writeFileSync(source, 'content of a blob');
    const { digest, sizeBytes } = await blobs.putFile(source);
    expect(digest).toBe(digestOf('content of a blob'));
    const path = blobs.path(digest);
    chmodSync(path, 0o644);
    for (let length = 0; length < sizeBytes; length += 1) {
      truncateSync(path, length);
      expect(await blobs.check(digest, sizeBytes)).toBe('corrupt');
      expect(await blobs.check(digest)).toBe('corrupt'); // a listing's size is not known
    }
  });
});
