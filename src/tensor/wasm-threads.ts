/**
 * Runs our wasm kernels on several threads. TFJS's own threaded build does not start in Node, and its
 * ordinary build needs only one thing to be shared among threads: its heap marked as shared. So the
 * module's memory section is edited while it is loaded, and worker threads run our kernels on that
 * heap, each call cut so that no result depends on how many there are.
 *
 * Knows no operation and no model.
 */
import { Worker } from 'node:worker_threads';
import { engine } from '@tensorflow/tfjs-core';
import { SHARED_KERNEL } from './kernel/kernel-bytes.ts';
import {
  heapOf,
  instantiate,
  type KernelFunctions,
  type KernelName,
  type RunCalls,
  startSimd,
} from './kernel/simd.ts';

/**
 * Runs `start`, which must load the wasm backend, with a shared heap, and starts `threads − 1` workers
 * on it. The workers do not keep the process alive.
 * @throws if there may be no workers here, before anything is loaded
 */
export async function startThreads(threads: number, start: () => Promise<void>): Promise<void> {
  const workers = Array.from({ length: threads - 1 }, () => createWorker());
  try {
    await withSharedHeap(start);
    const backend = engine().backend;
    const memory = heapOf(backend);
    if (!(memory.buffer instanceof SharedArrayBuffer)) throw new Error('the heap is not shared');
    await Promise.all(workers.map((item) => startWorker(item, memory)));
    const kernels = instantiate(memory);
    startSimd(backend, { kernels, threads, run: shareCalls(kernels, workers) });
  } catch (error) {
    await Promise.all(workers.map(({ worker }) => worker.terminate()));
    throw error;
  }
}

/** Loads TFJS's wasm module with its own memory marked as shared. */
async function withSharedHeap(start: () => Promise<void>): Promise<void> {
  const original = WebAssembly.instantiate;
  const patched = (source: BufferSource | WebAssembly.Module, imports?: WebAssembly.Imports) =>
    source instanceof WebAssembly.Module
      ? original(source, imports)
      : original(shareMemory(source), imports);
  WebAssembly.instantiate = patched as typeof WebAssembly.instantiate;
  try {
    await start();
  } finally {
    WebAssembly.instantiate = original;
  }
}

const MEMORY_SECTION = 5;
const LIMITS_WITH_MAXIMUM = 1;
const LIMITS_SHARED = 3;

/** A copy of a wasm module whose first memory is shared (WebAssembly spec, binary format, limits). */
export function shareMemory(source: BufferSource): Uint8Array<ArrayBuffer> {
  const view = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  const bytes = new Uint8Array(view);
  let at = 8; // After the magic number and the version.
  while (at < bytes.length) {
    const id = bytes[at]!;
    const [size, content] = readVarint(bytes, at + 1);
    if (id === MEMORY_SECTION) {
      const limits = readVarint(bytes, content)[1]; // After the number of memories.
      if (bytes[limits] !== LIMITS_WITH_MAXIMUM) throw new Error('the heap has no maximum size');
      bytes[limits] = LIMITS_SHARED;
      return bytes;
    }
    at = content + size;
  }
  throw new Error('the wasm module has no memory of its own');
}

/** An unsigned LEB128 number and the position after it. */
function readVarint(bytes: Uint8Array, at: number): [number, number] {
  let [value, shift, position] = [0, 0, at];
  for (;;) {
    const byte = bytes[position++]!;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, position];
    shift += 7;
  }
}

/** How a worker and the main thread meet; states of `Shared.state[0]`. */
const IDLE = 0;
const ORDERED = 1;
const FAILED = 2;
/** More than any kernel has arguments. */
const ARGUMENTS = 32;

interface Shared {
  /** [state, number of arguments, index of the kernel's name] */
  readonly state: Int32Array<SharedArrayBuffer>;
  readonly values: Float64Array<SharedArrayBuffer>;
}

interface Helper extends Shared {
  readonly worker: Worker;
}

const NAMES: readonly KernelName[] = [
  'multiply',
  'gelu',
  'swiGlu',
  'swiGluGradient',
  'normalise',
  'softmaxPowers',
  'softmaxSlopes',
  'headLosses',
  'attend',
  'attendGradient',
];

/**
 * The worker's program, as text because stages are bundled into one file that a worker could not
 * import a part of. It sleeps on its state and never touches its event loop again.
 */
const PROGRAM = `
const { parentPort } = require('node:worker_threads');
parentPort.once('message', ({ memory, module, names, state, values }) => {
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports;
  const functions = names.map((name) => kernels[name]);
  parentPort.postMessage('ready');
  for (;;) {
    for (let spin = 0; spin < 5000 && Atomics.load(state, 0) !== ${ORDERED}; spin++);
    Atomics.wait(state, 0, ${IDLE});
    try {
      functions[state[2]](...values.subarray(0, state[1]));
      Atomics.store(state, 0, ${IDLE});
    } catch {
      Atomics.store(state, 0, ${FAILED});
    }
    Atomics.notify(state, 0);
  }
});
`;

function createWorker(): Helper {
  const worker = new Worker(PROGRAM, { eval: true, execArgv: [], env: {} });
  worker.unref();
  return {
    worker,
    state: new Int32Array(new SharedArrayBuffer(12)),
    values: new Float64Array(new SharedArrayBuffer(8 * ARGUMENTS)),
  };
}

async function startWorker(
  { worker, state, values }: Helper,
  memory: WebAssembly.Memory,
): Promise<void> {
  const module = new WebAssembly.Module(Buffer.from(SHARED_KERNEL, 'base64'));
  worker.ref();
  try {
    await new Promise<void>((resolve, reject) => {
      worker.once('error', reject);
      worker.once('message', () => resolve());
      worker.postMessage({ memory, module, names: NAMES, state, values });
    });
  } finally {
    worker.unref();
  }
}

/** The first call runs here, the others on a worker each. */
function shareCalls(kernels: KernelFunctions, helpers: readonly Helper[]): RunCalls {
  return (name, calls) => {
    const index = NAMES.indexOf(name);
    if (index < 0) throw new Error(`${name} is not for several threads`);
    const [own, ...others] = calls;
    others.forEach((values, i) => {
      order(helpers[i]!, index, values);
    });
    if (own) kernels[name](...own);
    others.forEach((_, i) => {
      awaitHelper(helpers[i]!, name);
    });
  };
}

function order({ state, values }: Helper, index: number, call: readonly number[]): void {
  values.set(call);
  state[1] = call.length;
  state[2] = index;
  Atomics.store(state, 0, ORDERED);
  Atomics.notify(state, 0);
}

/** Both sides work equally long: a short spin mostly saves the sleep. */
function awaitHelper({ state }: Helper, name: KernelName): void {
  for (let spin = 0; spin < 20000 && Atomics.load(state, 0) === ORDERED; spin++);
  while (Atomics.load(state, 0) === ORDERED) Atomics.wait(state, 0, ORDERED);
  if (Atomics.load(state, 0) === FAILED) throw new Error(`the kernel ${name} failed on a thread`);
}
