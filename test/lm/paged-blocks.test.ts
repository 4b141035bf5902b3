/** A model whose blocks come and go: the same answers as with all of them there, in less memory. */
import { memory, mul, type Tensor2D } from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import { residentBytes } from '../../src/lm/fit.ts';
import { blockBytes, headParameters } from '../../src/lm/footprint.ts';
import { generateGreedy } from '../../src/lm/generate.ts';
import { loadModel } from '../../src/lm/model.ts';
import { pageBlocks } from '../../src/lm/paged-blocks.ts';
import { scoreQuestions } from '../../src/lm/scoring/score.ts';
import type { ParameterLoader } from '../../src/lm/weights/parameters.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { readFixture } from '../numeric/fixture.ts';

const { folder } = readFixture('neox-parallel');
const config = readModelConfig(folder);
const whole = { from: 0, to: config.layers, embedding: true, head: true };
const block = blockBytes(config, 0, 1);
const questions = [
  {
    context: [5, 6, 7, 8],
    continuations: [
      [1, 2],
      [3, 2],
    ],
  },
  {
    context: [5, 6, 7, 9, 4],
    continuations: [
      [1, 2],
      [3, 2],
    ],
  },
];
const candidates = [
  { adapters: new Map() },
  // An adapter that makes a difference and needs no weights.
  { adapters: new Map([[config.layers - 2, (h: Tensor2D): Tensor2D => mul(h, 1.5)]]) },
];

beforeAll(async () => {
  await startBackend('wasm');
});

describe.each([1, 2])('with room for %i block(s)', (room) => {
  it('scores and generates as the whole model does, to the bit, and never holds more', async () => {
    const before = memory();
    const full = await loadModel(folder, whole);
    const expected = await scoreQuestions(full, questions, candidates, { batch: 4 });
    const text = await generateGreedy(full, [5, 6, 7], { maxTokens: 4 });
    full.dispose();
    const paged = await loadModel(folder, { ...whole, residentBytes: room * block });
    expect(await scoreQuestions(paged, questions, candidates, { batch: 4 })).toEqual(expected);
    expect(await generateGreedy(paged, [5, 6, 7], { maxTokens: 4 })).toEqual(text);
    const held = memory().numBytes - before.numBytes;
    expect(held).toBeLessThanOrEqual(room * block + 4 * headParameters(config));
    expect(held).toBeGreaterThan(room * block);
    paged.dispose();
    expect(memory().numTensors).toBe(before.numTensors);
    expect(memory().numBytes).toBe(before.numBytes);
  });
});

it('keeps the first blocks and sends away the one that was used last', () => {
  const loads: number[] = [];
  const gone: number[] = [];
  const load = (index: number) => {
    loads.push(index);
    const loader = { parameters: [], dispose: () => gone.push(index) } as unknown;
    return { block: (h: Tensor2D) => h, loader: loader as ParameterLoader };
  };
  const paging = { from: 0, to: 4, blockBytes: 10, residentBytes: 25, load };
  const { blocks, dispose } = pageBlocks(paging);
  const pass = (): void => {
    for (const each of blocks.values()) each({} as never, {} as never);
  };
  pass();
  expect(loads).toEqual([0, 1, 2, 3]);
  expect(gone).toEqual([1, 2]);
  pass();
  // Of four blocks two stay; a pass loads the others.
  expect(loads.slice(4)).toHaveLength(2);
  dispose();
  expect(new Set(gone)).toEqual(new Set([0, 1, 2, 3]));
});

it('leaves room for the head and for what passes on the heap of wasm', () => {
  const most = residentBytes(config);
  expect(most + 4 * headParameters(config)).toBe(3.25 * 2 ** 30);
});
