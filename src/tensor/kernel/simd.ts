/**
 * Our own SIMD kernels on the heap of TFJS's wasm backend: for what its kernels do slowly (products
 * with strides, attention) or not at all. A call can be split among threads that share the heap.
 * Knows the heap and pointers, and no operation's gradient.
 */
import { engine, type Tensor } from '@tensorflow/tfjs-core';
import { PLAIN_KERNEL, SHARED_KERNEL } from './kernel-bytes.ts';

/** The functions of kernel.as that are called from here; all take sizes and pointers. */
export type KernelName =
  | 'multiply'
  | 'repeatRow'
  | 'sumRows'
  | 'addAll'
  | 'multiplyAll'
  | 'gelu'
  | 'swiGlu'
  | 'swiGluGradient'
  | 'normalise'
  | 'normaliseGradient'
  | 'softmaxPowers'
  | 'softmaxSlopes'
  | 'headLosses'
  | 'attend'
  | 'attendGradient';

export type KernelFunctions = Readonly<Record<KernelName, (...values: number[]) => void>> & {
  readonly multiplyScratch: () => number;
  readonly attentionScratch: (keys: number) => number;
  readonly headScratch: (rows: number, width: number) => number;
};

/** Runs independent calls, one a thread, and returns when all are done. */
export type RunCalls = (name: KernelName, calls: readonly (readonly number[])[]) => void;

export interface Simd {
  readonly kernels: KernelFunctions;
  readonly threads: number;
  readonly run: RunCalls;
  /** The address of a tensor's first element. */
  readonly address: (tensor: Tensor) => number;
  /** Addresses of working memory, that many bytes for each thread; good until the next call. */
  readonly scratch: (bytes: number) => number[];
}

interface WasmBackend {
  readonly wasm: {
    readonly asm?: { readonly memory?: WebAssembly.Memory };
    readonly wasmMemory?: WebAssembly.Memory;
    readonly _malloc: (bytes: number) => number;
    readonly _free: (address: number) => void;
  };
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
}

const started = /* @__PURE__ */ new WeakMap<object, Simd>();

/** The kernels, if the backend is wasm; other backends compute in their own ways. */
export function simd(): Simd | undefined {
  if (engine().backendName !== 'wasm') return undefined;
  return simdOf(engine().backend);
}

function simdOf(backend: object): Simd {
  const known = started.get(backend);
  if (known) return known;
  const kernels = instantiate(heapOf(backend));
  const run: RunCalls = (name, calls) => {
    for (const values of calls) kernels[name](...values);
  };
  return startSimd(backend, { kernels, run, threads: 1 });
}

/** Makes kernels with their way of running calls those of a backend. */
export function startSimd(backend: object, parts: Pick<Simd, 'kernels' | 'run' | 'threads'>): Simd {
  const { wasm, dataIdMap } = backend as WasmBackend;
  let [held, base] = [0, 0];
  const reserve = (bytes: number): number => {
    if (bytes <= held) return base;
    if (held > 0) wasm._free(base);
    // `>>> 0` because the allocator answers with a signed number.
    [held, base] = [bytes, wasm._malloc(bytes) >>> 0];
    if (base === 0) throw new Error(`the wasm heap has no ${bytes} bytes left`);
    return base;
  };
  const result: Simd = {
    ...parts,
    address: (tensor) => dataIdMap.get(tensor.dataId).memoryOffset,
    scratch: (bytes) => {
      const each = Math.ceil(bytes / 64) * 64;
      const first = reserve(each * parts.threads);
      return Array.from({ length: parts.threads }, (_, thread) => first + thread * each);
    },
  };
  started.set(backend, result);
  return result;
}

/** The memory in which the wasm backend keeps its tensors. */
export function heapOf(backend: object): WebAssembly.Memory {
  const { wasm } = backend as WasmBackend;
  const memory = wasm.wasmMemory ?? wasm.asm?.memory;
  if (!memory) throw new Error('the wasm backend does not show its heap');
  return memory;
}

/** The kernels on a heap; every thread has an instance of its own on the same heap. */
export function instantiate(memory: WebAssembly.Memory): KernelFunctions {
  const shared = memory.buffer instanceof SharedArrayBuffer;
  const bytes = Buffer.from(shared ? SHARED_KERNEL : PLAIN_KERNEL, 'base64');
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } });
  return exports as unknown as KernelFunctions;
}

/** Cuts `count` items into at most `parts` runs of a multiple of `unit`, as [from, to) pairs. */
export function splitRange(count: number, parts: number, unit = 1): [number, number][] {
  const step = Math.ceil(count / unit / parts) * unit;
  const runs: [number, number][] = [];
  for (let from = 0; from < count; from += step) runs.push([from, Math.min(count, from + step)]);
  return runs;
}
