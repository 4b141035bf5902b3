import { memory, type Tensor } from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { startBackend } from '../../src/tensor/backend.ts';
import { allocateFloats, onHost, viewFloats } from '../../src/tensor/host.ts';

it.each(['cpu', 'wasm'])('views a tensor of the %s backend without a copy', async (backend) => {
  await startBackend(backend);
  expect(onHost()).toBe(true);
  const tensor = allocateFloats([2, 3]);
  viewFloats(tensor).set([1, 2, 3, 4, 5, 6]);
  expect([...(await tensor.data())]).toEqual([1, 2, 3, 4, 5, 6]);
  tensor.dispose();
});

it('says that the wasm heap is full, where TFJS would abort later', async () => {
  await startBackend('wasm');
  const before = memory().numTensors;
  const held: Tensor[] = [];
  // Never touched, so that the machine needs no such memory.
  const fill = (): void => {
    for (let i = 0; i < 8; i++) held.push(allocateFloats([1024, 1024, 128]));
  };
  expect(fill).toThrow(/holds 3\.50 GiB and would need 0\.50 GiB more, of 3\.75 at most/);
  for (const tensor of held) tensor.dispose();
  expect(memory().numTensors).toBe(before);
  allocateFloats([1024, 1024]).dispose();
});
