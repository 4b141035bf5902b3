import {
  add,
  engine,
  findBackendFactory,
  memory,
  registerBackend,
  removeBackend,
  tensor1d,
  tidy,
} from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { startBackend } from '../../src/tensor/backend.ts';
import { guardHeap, HeapBudgetError } from '../../src/tensor/heap-budget.ts';
import { allocateFloats } from '../../src/tensor/host.ts';

describe('the budget of the wasm heap', () => {
  interface Allocator {
    _malloc: (bytes: number) => number;
  }
  let allocator: Allocator;
  let original: Allocator['_malloc'];
  beforeAll(async () => {
    await startBackend('wasm');
    allocator = (engine().backend as unknown as { wasm: Allocator }).wasm;
    original = allocator._malloc;
  });
  afterEach(() => {
    allocator._malloc = original;
  });

  it('refuses, before it is passed, what our own operations and what TFJS allocates', () => {
    const kept = tensor1d(new Float32Array(1024));
    kept.dataSync();
    guardHeap(engine().backend, memory().numBytes + 4096);
    const fits = allocateFloats([1000]);
    expect(() => allocateFloats([1000])).toThrow(HeapBudgetError);
    expect(() => tidy(() => add(tensor1d(new Float32Array(1000)), 1))).toThrow(HeapBudgetError);
    fits.dispose();
    allocateFloats([1000]).dispose();
    kept.dispose();
  });

  it('says what is held, what is asked for and what to do', () => {
    guardHeap(engine().backend, 2 ** 30);
    expect(() => allocateFloats([2 ** 28 + 2 ** 20])).toThrow(
      /holds 0\.\d\d GiB and would need 1\.00 GiB more, of 1\.00 at most: take a smaller batch/,
    );
  });

  it('stands at less than the heap can be, in every process, from the first allocation on', async () => {
    const factory = findBackendFactory('wasm');
    removeBackend('wasm');
    registerBackend('wasm', factory);
    await startBackend('wasm');
    for (let time = 0; time < 3; time++) {
      expect(() => allocateFloats([0.95 * 2 ** 30])).toThrow(/of 3\.75 at most/);
      allocateFloats([16]).dispose();
    }
  });
});
