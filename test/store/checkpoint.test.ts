import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../src/pipe/store/checkpoint.ts';
import { temporaryFolder } from './temporary.ts';

describe('checkpoint', () => {
  it('gives back the last state, and nothing at first', () => {
    const folder = join(temporaryFolder(), 'key');
    const checkpoint = openCheckpoint(folder);
    expect(checkpoint.load()).toBeUndefined();
    checkpoint.save(Buffer.from('one'));
    checkpoint.save(Buffer.from('two'));
    expect(Buffer.from(openCheckpoint(folder).load() ?? []).toString()).toBe('two');
  });

  it('reads a state cut at any length as none', () => {
    const folder = temporaryFolder();
    const checkpoint = openCheckpoint(folder);
    checkpoint.save(Buffer.from('a state'));
    const path = join(folder, 'state');
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      expect(checkpoint.load()).toBeUndefined();
    }
  });
});
