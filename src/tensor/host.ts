/**
 * Direct access to a tensor's floats on the two backends whose memory is this process's own (cpu and
 * wasm): element-wise work there is written in plain loops over these views instead of chains of
 * kernels. Knows nothing of what is computed. Every function returns "not here" on other backends.
 */
import { engine, type Tensor } from '@tensorflow/tfjs-core';

interface CpuBackend {
  readSync(dataId: object): Float32Array;
  makeTensorInfo(shape: number[], dtype: 'float32', values: Float32Array): HostInfo;
}

interface WasmBackend {
  makeOutput(shape: number[], dtype: 'float32'): HostInfo;
  typedArrayFromHeap(info: Pick<Tensor, 'shape' | 'dtype' | 'dataId'>): Float32Array;
}

interface HostInfo {
  dataId: object;
  shape: number[];
  dtype: 'float32';
}

/** Whether tensors live in memory that JavaScript can address without a copy. */
export function onHost(): boolean {
  const name = engine().backendName;
  return name === 'wasm' || name === 'cpu';
}

/**
 * The tensor's floats, without a copy. A view is only good until the next allocation: the wasm heap
 * may move when it grows, so allocate every output first and take all views after that.
 */
export function viewFloats(tensor: Tensor): Float32Array {
  const backend: unknown = engine().backend;
  if (engine().backendName === 'wasm') return (backend as WasmBackend).typedArrayFromHeap(tensor);
  return (backend as CpuBackend).readSync(tensor.dataId);
}

/** A new float tensor whose content is not initialised; the caller must write every element. */
export function allocateFloats<T extends Tensor>(shape: number[]): T {
  const backend: unknown = engine().backend;
  const size = shape.reduce((product, extent) => product * extent, 1);
  const info =
    engine().backendName === 'wasm'
      ? (backend as WasmBackend).makeOutput(shape, 'float32')
      : (backend as CpuBackend).makeTensorInfo(shape, 'float32', new Float32Array(size));
  return engine().makeTensorFromTensorInfo(
    info as Parameters<ReturnType<typeof engine>['makeTensorFromTensorInfo']>[0],
  ) as T;
}

/** Whether a gradient is being recorded, so that an operation may prepare its backward pass early. */
export function recordingGradient(): boolean {
  const { gradientDepth, kernelDepth } = engine().state;
  return gradientDepth > 0 && kernelDepth === 0;
}
