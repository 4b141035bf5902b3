import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tensor2d, memory as tensorMemory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { type DecayRule, type MemoryConfig, noteMemory } from '../../src/memory/config.ts';
import { loadMemory, saveMemory } from '../../src/memory/files.ts';
import { initialMemory } from '../../src/memory/memory.ts';
import { stalled } from '../../src/memory/train.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { temporaryFolder } from './tiny-model.ts';

const config: MemoryConfig = { ...noteMemory, width: 24 };
const blocks = { from: 1, to: 3 };

beforeAll(() => startBackend('wasm'));

describe('a memory', () => {
  it('has 259 d + 129 parameters a block', () => {
    const memory = initialMemory(config, blocks, 0);
    const sizes = memory.trained('all').map(({ variable }) => variable.size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2 * (259 * 24 + 129));
    memory.dispose();
  });

  it('starts within ±1/√fan-in, each block from its own draw', async () => {
    const memory = initialMemory(config, blocks, 0);
    const values = await memory.values();
    const largest = (block: number, name: string): number =>
      Math.max(...values.get(block)!.get(name)!.data.map(Math.abs));
    for (const block of [1, 2]) {
      expect(largest(block, 'up.weight')).toBeGreaterThan(0.98 / Math.sqrt(24));
      expect(largest(block, 'up.weight')).toBeLessThanOrEqual(1 / Math.sqrt(24));
      expect(largest(block, 'down.bias')).toBeLessThanOrEqual(1 / Math.sqrt(128));
    }
    expect(values.get(1)!.get('up.bias')).not.toEqual(values.get(2)!.get('up.bias'));
    memory.dispose();
  });

  it.each([
    [0, true],
    [1, false],
  ])('with a gate of %d is an identity: %s', async (gateInit, identity) => {
    const memory = initialMemory({ ...config, gateInit }, blocks, 0);
    const h = tensor2d(
      Float32Array.from({ length: 48 }, (_, at) => Math.sin(at)),
      [2, 24],
    );
    const before = Array.from(await h.data());
    const after = Array.from(await memory.adapters().get(1)!(h).data());
    expect(JSON.stringify(after) === JSON.stringify(before)).toBe(identity);
    memory.dispose();
  });

  it.each([true, false])('comes back from its files, norm %s', async (norm) => {
    const folder = join(temporaryFolder(), 'memory');
    const memory = initialMemory({ ...config, norm }, blocks, 7);
    await saveMemory(memory, folder);
    const before = tensorMemory().numTensors;
    const loaded = await loadMemory(folder);
    expect(await loaded.values()).toEqual(await memory.values());
    expect(loaded.config).toEqual(memory.config);
    loaded.dispose();
    expect(tensorMemory().numTensors).toBe(before);
    memory.dispose();
  });

  it('is not written with a value that is no number', async () => {
    const folder = join(temporaryFolder(), 'memory');
    const memory = initialMemory({ ...config, gateInit: Number.NaN }, blocks, 0);
    await expect(saveMemory(memory, folder)).rejects.toThrow('gate of block 1 is not finite');
    expect(existsSync(folder)).toBe(false);
    memory.dispose();
  });

  it.each<[DecayRule, number]>([
    ['all', 14],
    ['no-norm-gate', 8],
    ['weights', 4],
    ['none', 0],
  ])('lets decay touch %s: %i parameters', (rule, count) => {
    const memory = initialMemory(config, blocks, 0);
    expect(memory.trained(rule).filter(({ decays }) => decays)).toHaveLength(count);
    memory.dispose();
  });
});

describe('stalled', () => {
  it('waits for `patience` epochs without a loss that is better by `minDelta`', () => {
    const rule = { patience: 2, minDelta: 0.1 };
    expect(stalled([3, 2, 1], rule)).toBe(false);
    expect(stalled([3, 2.95, 2.95], rule)).toBe(true);
    expect(stalled([3, 2.95, 2.85], rule)).toBe(false);
    expect(stalled([1, 5, 5, 5], { patience: 0, minDelta: 0 })).toBe(false);
  });
});
