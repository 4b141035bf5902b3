import { describe, expect, it } from 'vitest';
import { blockNumbers, memoryBlocks } from '../../src/memory/blocks.ts';

describe('memoryBlocks', () => {
  // The note's models: Pythia 70m, 160m, 410m, 2.8b, 12b; Llama 2 7b and 13b.
  it.each([
    [6, [4]],
    [12, [8, 9]],
    [24, [16, 17, 18, 19]],
    [32, [22, 23, 24, 25]],
    [36, [25, 26, 27, 28]],
    [40, [28, 29, 30, 31]],
    [1, [0]],
    [5, [3]],
  ])('of %i blocks takes %j', (layers, blocks) => {
    expect(blockNumbers(memoryBlocks(layers))).toEqual(blocks);
  });

  it('takes other places, and refuses empty ones', () => {
    expect(memoryBlocks(12, { fromPercent: 0, toPercent: 100 })).toEqual({ from: 0, to: 12 });
    expect(() => memoryBlocks(12, { fromPercent: 80, toPercent: 70 })).toThrow(RangeError);
    expect(() => memoryBlocks(12, { fromPercent: 90, toPercent: 120 })).toThrow(RangeError);
  });
});
