/**
 * Picks the TFJS backend, in one place. Backends that need optional packages are imported by name at
 * run time; why each was passed over is part of the answer. Knows no model.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { enableProdMode, engine, getBackend, ready, setBackend } from '@tensorflow/tfjs-core';
import { guardHeap } from './heap-budget.ts';
import { shareClones } from './kernel/share-clones.ts';
import { limitTensors } from './tensor-limit.ts';
import { startThreads } from './wasm-threads.ts';

export type BackendName = 'tensorflow-gpu' | 'webgpu' | 'tensorflow' | 'wasm' | 'cpu';

export interface BackendChoice {
  readonly name: BackendName;
  /** Why this one, in words; for wasm with the number of threads. */
  readonly reason: string;
  /** All that were tried before it, and itself, in order of preference. */
  readonly considered: readonly Candidate[];
}

export interface Candidate {
  readonly name: BackendName;
  readonly usable: boolean;
  readonly reason: string;
}

/** Fastest first. A software adapter is never picked by itself. */
const PREFERENCE: readonly BackendName[] = [
  'tensorflow-gpu',
  'webgpu',
  'tensorflow',
  'wasm',
  'cpu',
];

/**
 * Starts the requested backend, or with `auto` the first of the preference that works here.
 * @throws if a backend was asked for by name and cannot start, with its reason.
 */
export async function startBackend(
  requested: string = process.env.PIPE_BACKEND ?? 'auto',
): Promise<BackendChoice> {
  if (requested !== 'auto' && !isBackendName(requested)) {
    throw new Error(`Unknown backend "${requested}": choose auto, ${PREFERENCE.join(', ')}`);
  }
  // Otherwise TFJS advertises its Node addon on stderr.
  enableProdMode();
  const considered: Candidate[] = [];
  for (const name of requested === 'auto' ? PREFERENCE : [requested]) {
    const candidate = await tryBackend(name, requested === name);
    considered.push(candidate);
    if (candidate.usable) return { name, reason: candidate.reason, considered };
  }
  const reasons = considered.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  throw new Error(`No numerical backend could start (${reasons})`);
}

function isBackendName(name: string): name is BackendName {
  return (PREFERENCE as readonly string[]).includes(name);
}

async function tryBackend(name: BackendName, forced: boolean): Promise<Candidate> {
  try {
    return { name, usable: true, reason: await STARTERS[name](forced) };
  } catch (error) {
    return { name, usable: false, reason: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n')[0] ?? text;
}

/** Each starts its backend or throws the reason why not; returns what is worth knowing about it. */
const STARTERS: Record<BackendName, (forced: boolean) => Promise<string>> = {
  'tensorflow-gpu': () => startTensorFlow('@tensorflow/tfjs-node-gpu', true),
  webgpu: startWebGpu,
  tensorflow: () => startTensorFlow('@tensorflow/tfjs-node', false),
  wasm: startWasm,
  cpu: startCpu,
};

interface TensorFlowAddon {
  readonly backend?: () => { readonly isUsingGpuDevice?: boolean };
}

/** tfjs-node registers the backend `tensorflow` with the shared tfjs-core when it is imported. */
async function startTensorFlow(packageName: string, needsGpu: boolean): Promise<string> {
  const addon = (await importOptional(packageName)) as TensorFlowAddon;
  await activate('tensorflow');
  const usesGpu = addon.backend?.().isUsingGpuDevice === true;
  if (needsGpu && !usesGpu) throw new Error(`${packageName} is installed but found no GPU`);
  return `${packageName} is installed${usesGpu ? ' and a GPU answered' : ''}`;
}

interface GpuModule {
  readonly create?: (flags: string[]) => Gpu;
  readonly globals?: Record<string, unknown>;
}

interface Gpu {
  requestAdapter(): Promise<GpuAdapter | null>;
}

interface GpuAdapter {
  readonly isFallbackAdapter?: boolean;
  readonly info?: { vendor?: string; device?: string; description?: string; architecture?: string };
}

let keptGpu: Gpu | undefined;

/** Dawn's Node binding, the npm package `webgpu`. By name a software adapter is accepted too. */
async function startWebGpu(forced: boolean): Promise<string> {
  const module = (await importOptional('webgpu')) as GpuModule;
  if (!module.create) throw new Error('the package webgpu has no `create`');
  // One for the life of the process: collected, it would take its devices with it.
  keptGpu ??= module.create([]);
  const gpu = keptGpu;
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error('webgpu is installed but no adapter answered');
  const label = adapterLabel(adapter);
  if (isSoftware(adapter) && !forced) throw new Error(`only a software adapter (${label})`);
  Object.assign(globalThis, module.globals);
  Object.defineProperty(globalThis.navigator ?? defineNavigator(), 'gpu', {
    value: gpu,
    configurable: true,
  });
  await import('@tensorflow/tfjs-backend-webgpu');
  await activate('webgpu');
  limitTensors(engine().backend, bindableBytes(engine().backend as unknown as WebGpuBackend));
  return `adapter ${label}`;
}

interface WebGpuBackend {
  readonly device: {
    readonly limits: {
      readonly maxBufferSize: number;
      readonly maxStorageBufferBindingSize: number;
    };
  };
}

/** TFJS keeps a tensor in one buffer and binds it whole. It asks for all that the adapter allows. */
function bindableBytes({ device: { limits } }: WebGpuBackend): number {
  return Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize);
}

/** Node 20 has no `navigator`. */
function defineNavigator(): object {
  const navigator = {};
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  return navigator;
}

function adapterLabel({ info }: GpuAdapter): string {
  const words = [info?.vendor, info?.architecture, info?.device, info?.description];
  return words.filter((word) => word).join(' ') || 'without a name';
}

function isSoftware(adapter: GpuAdapter): boolean {
  const software = /swiftshader|llvmpipe|lavapipe|software|\bcpu\b/i;
  return adapter.isFallbackAdapter === true || software.test(adapterLabel(adapter));
}

/** WebAssembly with SIMD: the floor that every supported Node has. */
async function startWasm(): Promise<string> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(wasmFolder());
  shareClones();
  const start = async () => {
    await activate('wasm');
    guardOnce(engine().backend);
  };
  const threads = requestedThreads();
  if (threads === 1) {
    await start();
    return 'WebAssembly SIMD, 1 thread';
  }
  try {
    await startThreads(threads, start);
    return `WebAssembly SIMD, ${threads} threads`;
  } catch (error) {
    await start();
    return `WebAssembly SIMD, 1 thread (${threads} refused: ${messageOf(error)})`;
  }
}

const guarded = /* @__PURE__ */ new WeakSet<object>();

/** Asked for again, TFJS gives the backend that it has. */
function guardOnce(backend: object): void {
  if (guarded.has(backend)) return;
  guarded.add(backend);
  guardHeap(backend);
}

function requestedThreads(): number {
  const threads = Number(process.env.PIPE_THREADS ?? '1');
  return Number.isInteger(threads) && threads > 0 ? threads : 1;
}

/** The folder of the package's .wasm files, with a slash at its end. */
function wasmFolder(): string {
  const require = createRequire(import.meta.url);
  return `${join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), '/')}`;
}

async function startCpu(): Promise<string> {
  await import('@tensorflow/tfjs-backend-cpu');
  await activate('cpu');
  return 'plain JavaScript, slow: asked for by name or nothing else started';
}

async function activate(name: string): Promise<void> {
  if (!(await setBackend(name))) throw new Error(`TFJS could not initialise its ${name} backend`);
  await ready();
  if (getBackend() !== name) throw new Error(`TFJS chose ${getBackend()} instead of ${name}`);
}

/** Imports a package that may be absent; its name is no literal, so that bundlers and types let it be. */
async function importOptional(name: string): Promise<unknown> {
  const require = createRequire(import.meta.url);
  let path: string;
  try {
    path = require.resolve(name);
  } catch {
    throw new Error(`the optional package ${name} is not installed`);
  }
  const module: { default?: unknown } = await import(pathToFileURL(path).href);
  return module.default ?? module;
}
