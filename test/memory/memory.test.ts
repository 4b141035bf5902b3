import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tensor2d, memory as tensorMemory } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Model } from '../../src/lm/model.ts';
import { type AdapterConfig, noteMemory } from '../../src/memory/adapter/config.ts';
import { initialAdapter } from '../../src/memory/adapter/memory.ts';
import type { DecayRule } from '../../src/memory/decay.ts';
import { bestEpoch, stalled } from '../../src/memory/early-stop.ts';
import { loadMemory, saveMemory } from '../../src/memory/files.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { temporaryFolder } from './tiny-model.ts';

const config: AdapterConfig = { ...noteMemory, width: 24 };
const blocks = { from: 1, to: 3 };

/** All that an adapter asks of a model before it runs. */
const modelOf = (hidden: number) => ({ config: { hidden, layers: 5 } }) as unknown as Model;

beforeAll(() => startBackend('wasm'));

describe('a memory', () => {
  it('has 259 d + 129 parameters a block', () => {
    const memory = initialAdapter(config, blocks, 0);
    const sizes = memory.trained('all').map(({ variable }) => variable.size);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(2 * (259 * 24 + 129));
    memory.dispose();
  });

  it('starts within ±1/√fan-in, each block from its own draw', async () => {
    const memory = initialAdapter(config, blocks, 0);
    const values = await memory.values();
    const largest = (block: number, name: string): number =>
      Math.max(...values.get(`blocks.${block}.${name}`)!.data.map(Math.abs));
    for (const block of [1, 2]) {
      expect(largest(block, 'up.weight')).toBeGreaterThan(0.98 / Math.sqrt(24));
      expect(largest(block, 'up.weight')).toBeLessThanOrEqual(1 / Math.sqrt(24));
      expect(largest(block, 'down.bias')).toBeLessThanOrEqual(1 / Math.sqrt(128));
    }
    expect(values.get('blocks.1.up.bias')).not.toEqual(values.get('blocks.2.up.bias'));
    memory.dispose();
  });

  it.each([
    [0, true],
    [1, false],
  ])('with a gate of %d is an identity: %s', async (gateInit, identity) => {
    const memory = initialAdapter({ ...config, gateInit }, blocks, 0);
    const h = tensor2d(
      Float32Array.from({ length: 48 }, (_, at) => Math.sin(at)),
      [2, 24],
    );
    const before = Array.from(await h.data());
    const after = Array.from(await memory.on(modelOf(24)).adapters.get(1)!(h).data());
    expect(JSON.stringify(after) === JSON.stringify(before)).toBe(identity);
    memory.dispose();
  });

  it.each([true, false])('comes back from its files, norm %s', async (norm) => {
    const folder = join(temporaryFolder(), 'memory');
    const memory = initialAdapter({ ...config, norm }, blocks, 7);
    await saveMemory(memory, folder);
    const before = tensorMemory().numTensors;
    const loaded = await loadMemory(folder);
    expect(await loaded.values()).toEqual(await memory.values());
    expect(loaded.config).toEqual(memory.config);
    loaded.dispose();
    expect(tensorMemory().numTensors).toBe(before);
    memory.dispose();
  });

  it('refuses a model of another width', () => {
    const memory = initialAdapter(config, blocks, 0);
    expect(() => memory.on(modelOf(32))).toThrow("width 24, the model's are 32 wide");
    memory.dispose();
  });

  it('is not written with a value that is no number', async () => {
    const folder = join(temporaryFolder(), 'memory');
    const memory = initialAdapter({ ...config, gateInit: Number.NaN }, blocks, 0);
    await expect(saveMemory(memory, folder)).rejects.toThrow('blocks.1.gate is not finite');
    expect(existsSync(folder)).toBe(false);
    memory.dispose();
  });

  it.each<[DecayRule, number]>([
    ['all', 14],
    ['no-norm-gate', 8],
    ['weights', 4],
    ['none', 0],
  ])('lets decay touch %s: %i parameters', (rule, count) => {
    const memory = initialAdapter(config, blocks, 0);
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

  it('takes the last epoch that was better by more than `minDelta` for the best', () => {
    expect(bestEpoch([3, 2, 2, 2.5], { patience: 1, minDelta: 0 })).toBe(1);
    expect(bestEpoch([3, 2.95, 2.85, 2.8], { patience: 1, minDelta: 0.1 })).toBe(2);
  });
});
