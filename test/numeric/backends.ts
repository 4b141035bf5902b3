/**
 * The backends that numbers are compared on; all of them run anywhere. PIPE_TEST_BACKEND names another
 * one, which may be missing here: `npm run test:webgpu`, `npm run test:tensorflow`.
 */

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import {
  copyRegisteredKernels,
  findBackendFactory,
  registerBackend,
  setBackend,
} from '@tensorflow/tfjs-core';
import { startBackend } from '../../src/tensor/backend.ts';

/**
 * `composed` is TFJS's cpu backend under another name: the code then takes it for a device whose
 * memory it cannot address, and goes the way of webgpu and tensorflow.
 */
const asked = process.env.PIPE_TEST_BACKEND;
export const BACKENDS: readonly string[] = asked ? [asked] : ['cpu', 'composed', 'wasm'];

/** Why the backend that was asked for cannot be compared here, if it cannot. */
export const missing = asked ? await reasonAgainst(asked) : undefined;

async function reasonAgainst(name: string): Promise<string | undefined> {
  try {
    const { reason } = await startBackend(name);
    console.info(`${name}: ${reason}`);
    return undefined;
  } catch (error) {
    console.warn(`skipped: ${(error as Error).message}`);
    return (error as Error).message;
  }
}

export async function useBackend(name: string): Promise<void> {
  if (name !== 'composed') {
    const choice = await startBackend(name);
    if (choice.name !== name) throw new Error(`asked for ${name}, got ${choice.name}`);
    return;
  }
  if (!findBackendFactory('composed')) {
    copyRegisteredKernels('cpu', 'composed');
    registerBackend('composed', () => new MathBackendCPU());
  }
  if (!(await setBackend('composed'))) throw new Error('the composed backend did not start');
}
