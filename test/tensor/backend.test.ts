import { describe, expect, it } from 'vitest';
import { startBackend } from '../../src/tensor/backend.ts';

describe('a backend asked for by name', () => {
  it('is the only one considered', async () => {
    const choice = await startBackend('cpu');
    expect(choice.name).toBe('cpu');
    expect(choice.considered).toEqual([{ name: 'cpu', usable: true, reason: choice.reason }]);
  });

  it('must exist', async () => {
    await expect(startBackend('cuda')).rejects.toThrow(
      'Unknown backend "cuda": choose auto, tensorflow-gpu, webgpu, tensorflow, wasm, cpu',
    );
  });

  it('is not replaced by another one if it cannot start', async () => {
    await expect(startBackend('webgpu')).rejects.toThrow(
      'No numerical backend could start (webgpu: the optional package webgpu is not installed)',
    );
  });
});

it('is taken from PIPE_BACKEND where no argument names one', async () => {
  const before = process.env.PIPE_BACKEND;
  process.env.PIPE_BACKEND = 'wasm';
  try {
    expect((await startBackend()).name).toBe('wasm');
  } finally {
    if (before === undefined) delete process.env.PIPE_BACKEND;
    else process.env.PIPE_BACKEND = before;
  }
});
