/** The backends that numbers are compared on; all of them run anywhere. */

import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import { copyRegisteredKernels, registerBackend, setBackend } from '@tensorflow/tfjs-core';
import { startBackend } from '../../src/tensor/backend.ts';

/**
 * `composed` is TFJS's cpu backend under another name: the code then takes it for a device whose
 * memory it cannot address, and goes the way of webgpu and tensorflow.
 */
export const BACKENDS = ['cpu', 'composed', 'wasm'] as const;

export async function useBackend(name: (typeof BACKENDS)[number]): Promise<void> {
  if (name !== 'composed') {
    const choice = await startBackend(name);
    if (choice.name !== name) throw new Error(`asked for ${name}, got ${choice.name}`);
    return;
  }
  copyRegisteredKernels('cpu', 'composed');
  registerBackend('composed', () => new MathBackendCPU());
  if (!(await setBackend('composed'))) throw new Error('the composed backend did not start');
}
