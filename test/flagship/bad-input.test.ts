/**
 * What a user can get wrong with the flagship pipeline: each a clear error, the right exit code,
 * nothing lost, and a good run once it is mended.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RigProject } from '../rig/project.ts';
import { copyFlagship, SMALL } from './flagship.ts';

const MINUTES = 60_000;
let project: RigProject;
beforeEach(() => {
  project = copyFlagship();
});
afterEach(() => project.remove());

describe('a claims file with a broken line', () => {
  it('names file and line; onBadLine: skip counts it', async () => {
    const good = project.read('data/sample/dev.jsonl');
    const lines = good.split('\n');
    lines[16] = '{"id": 17, "label": "SUPPORTS", "cla';
    project.write('data/sample/dev.jsonl', lines.join('\n'));
    const outcome = await project.pipe('run', 'extract');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toMatch(/dev\.jsonl:17\b/);
    const skipping = await project.run('extract', '--set', 'stages.extract.params.onBadLine=skip');
    expect(skipping.code).toBe(0);
    expect(project.read('artifacts/extract/stats.json')).toMatch(/"badLines":\s*1\b/);
    project.write('data/sample/dev.jsonl', good);
    expect((await project.run('extract')).code).toBe(0);
  });
});

describe('model files', () => {
  const weights = 'models/neox-mini/model.safetensors';
  const encode = ['run', 'encode', ...SMALL];

  async function failsNaming(...words: (string | RegExp)[]): Promise<void> {
    const outcome = await project.pipe(...encode);
    expect(outcome.code).toBe(1);
    for (const word of words) expect(outcome.stderr).toMatch(word);
    expect(outcome.stderr).not.toMatch(/^\s+at .*\.m?[jt]s:\d+/m);
  }

  it(
    'truncated weights are named, and mended weights run',
    async () => {
      const bytes = readFileSync(join(project.folder, weights));
      writeFileSync(join(project.folder, weights), bytes.subarray(0, Math.floor(bytes.length / 2)));
      await failsNaming(/model\.safetensors/, /truncated|ends|bytes/);
      writeFileSync(join(project.folder, weights), bytes);
      expect((await project.pipe(...encode)).code).toBe(0);
    },
    MINUTES,
  );

  it(
    'a lying header is refused before anything is allocated',
    async () => {
      const bytes = Buffer.from(readFileSync(join(project.folder, weights)));
      bytes.writeBigUInt64LE(1n << 60n, 0);
      writeFileSync(join(project.folder, weights), bytes);
      await failsNaming(/model\.safetensors/, /header/);
    },
    MINUTES,
  );

  it(
    'a folder without tokenizer.json is named with the fix',
    async () => {
      renameSync(
        join(project.folder, 'models/neox-mini/tokenizer.json'),
        join(project.folder, 'away.json'),
      );
      await failsNaming(/tokenizer\.json/, /models\/neox-mini/);
    },
    MINUTES,
  );
});

describe('a loss that is no number', () => {
  it(
    'stops with the step and leaves no memory; a sane rate then trains',
    async () => {
      const train = ['run', 'train@neox-mini,doc', ...SMALL, '--set', 'params.epochs=3'];
      const outcome = await project.pipe(
        ...train,
        '--set',
        'stages.train.params.learningRate=1e30',
      );
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/step \d+/);
      expect(outcome.stderr).toMatch(/NaN|Infinity|not finite|no number/);
      expect(project.exists('artifacts/train@neox-mini,doc')).toBe(false);
      expect((await project.pipe(...train)).code).toBe(0);
    },
    2 * MINUTES,
  );
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0 && mountTrial();

/** A tmpfs needs a privilege that not every machine gives. */
function mountTrial(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-mount-trial-'));
  const works = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
  if (works) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
  return works;
}

describe.skipIf(!canMount)('a full disk (needs the right to mount a tmpfs)', () => {
  it(
    'is said so, exit code 1, and the next run with room is good',
    async () => {
      const disk = join(project.folder, 'cache');
      rmSync(disk, { recursive: true, force: true });
      mkdirSync(disk);
      expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', disk]).status).toBe(0);
      try {
        // Room for the bundles and little else.
        await project.pipe('graph');
        const outcome = await project.pipe('run', 'encode', ...SMALL);
        expect(outcome.code).toBe(1);
        expect(outcome.stderr).toMatch(/disk is full|no space|disk-full/i);
        expect(spawnSync('mount', ['-o', 'remount,size=500m', disk]).status).toBe(0);
        expect((await project.pipe('run', 'encode', ...SMALL)).code).toBe(0);
      } finally {
        spawnSync('umount', ['-l', disk]);
      }
    },
    2 * MINUTES,
  );
});
