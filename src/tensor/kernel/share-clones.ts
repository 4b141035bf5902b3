/**
 * Makes clones on the wasm backend share their bytes. TFJS's own kernel copies them, and the tape
 * clones every activation that it keeps; the backend counts references all the same.
 */
import {
  Identity,
  type KernelConfig,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
} from '@tensorflow/tfjs-core';

/** Call it once the wasm backend's kernels are registered. */
export function shareClones(): void {
  unregisterKernel(Identity, 'wasm');
  registerKernel({ kernelName: Identity, backendName: 'wasm', kernelFunc: cloneInfo });
}

const cloneInfo: KernelConfig['kernelFunc'] = ({ inputs, backend }) => {
  const { dataId, shape, dtype } = inputs.x as TensorInfo;
  (backend as { incRef(id: object): void }).incRef(dataId);
  return { dataId, shape, dtype };
};
