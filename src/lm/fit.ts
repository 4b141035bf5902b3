/**
 * What fits where: the bytes that each stage needs of a model, against what machines have. Arithmetic
 * on shapes, in 32-bit floats; nothing is measured here. Knows no file and no backend.
 */
import { HEAP_BYTES, heapLimit } from '../tensor/heap-budget.ts';
import { blockBytes, embeddingParameters, headParameters, modelParameters } from './footprint.ts';
import type { ModelConfig } from './model-config.ts';

/** The shapes of the models of the research note; their chat versions are the same. */
export const NOTE_MODELS: readonly { readonly name: string; readonly config: ModelConfig }[] = [
  ['Pythia 70m', pythia(6, 512, 8)],
  ['Pythia 160m', pythia(12, 768, 12)],
  ['Pythia 410m', pythia(24, 1024, 16)],
  ['Pythia 1b', pythia(16, 2048, 8)],
  ['Pythia 1.4b', pythia(24, 2048, 16)],
  ['Pythia 2.8b', pythia(32, 2560, 32)],
  ['Pythia 6.9b', pythia(32, 4096, 32, 50432)],
  ['Pythia 12b', pythia(36, 5120, 40, 50688)],
  ['Llama 2 7b', llama(32, 4096, 32, 11008)],
  ['Llama 2 13b', llama(40, 5120, 40, 13824)],
].map(([name, config]) => ({ name, config }) as { name: string; config: ModelConfig });

function pythia(layers: number, hidden: number, heads: number, vocab = 50304): ModelConfig {
  return {
    family: 'neox',
    ...shape(layers, hidden, heads),
    rotaryDims: hidden / heads / 4,
    intermediate: 4 * hidden,
    parallelResidual: true,
    attentionBias: true,
    vocab,
    maxPositions: 2048,
    activation: 'gelu',
  };
}

function llama(layers: number, hidden: number, heads: number, intermediate: number): ModelConfig {
  return {
    family: 'llama',
    ...shape(layers, hidden, heads),
    rotaryDims: hidden / heads,
    intermediate,
    parallelResidual: false,
    attentionBias: false,
    vocab: 32000,
    maxPositions: 4096,
    activation: 'swiglu',
  };
}

function shape(layers: number, hidden: number, heads: number) {
  return {
    layers,
    hidden,
    heads,
    kvHeads: heads,
    headDim: hidden / heads,
    rotaryBase: 10000,
    normEps: 1e-5,
    tiedHead: false,
  };
}

/** Bytes on the backend, and beside it in the memory of the process. */
export interface Need {
  readonly backend: number;
  readonly process: number;
}

export interface Needs {
  readonly encode: Need;
  readonly train: Need;
  readonly evaluate: Need;
  /** With the blocks that don't fit loaded each time they are needed: slower. */
  readonly evaluatePaged: Need;
}

/** Node, TFJS and the stage's code. */
const BASE_BYTES = 150 * 2 ** 20;
/** States that `encode` holds while they pass the blocks. */
const WAVE_BYTES = 256 * 2 ** 20;

/** @param from the first block with a memory; @param tokens rows that run at once */
export function needsOf(
  config: ModelConfig,
  { from, tokens, length }: { from: number; tokens: number; length: number },
): Needs {
  const { layers, vocab, hidden } = config;
  const table = 4 * embeddingParameters(config);
  const block = blockBytes(config, 0, 1);
  const head = 4 * headParameters(config);
  const passing = activationBytes(config, tokens, length);
  // A tensor is read whole and, where it was in half precision, widened beside what was read.
  const largest = 4 * Math.max(hidden * config.intermediate, 3 * hidden * hidden);
  const reading = 1.5 * largest;
  return {
    encode: {
      backend: block + passing,
      process: BASE_BYTES + Math.max(1.5 * table, reading) + 2 * WAVE_BYTES,
    },
    train: {
      backend: blockBytes(config, from, layers) + head + (layers - from) * passing,
      process: BASE_BYTES + Math.max(1.5 * 4 * vocab * hidden, reading),
    },
    evaluate: {
      backend: blockBytes(config, 0, layers) + head + passing,
      process: BASE_BYTES + table + Math.max(0.5 * table, reading),
    },
    evaluatePaged: {
      backend: block + head + PASSING_BYTES,
      process: BASE_BYTES + table + Math.max(0.5 * table, reading),
    },
  };
}

/** What one block holds of `tokens` rows of texts of `length`, its gradient's needs included. */
function activationBytes(config: ModelConfig, tokens: number, length: number): number {
  const { hidden, intermediate, heads, kvHeads, headDim } = config;
  const projected = (heads + 2 * kvHeads) * headDim;
  return 4 * tokens * (8 * hidden + 2 * projected + 3 * intermediate + heads * length);
}

/** What an evaluation leaves to states, logits and memories. */
const PASSING_BYTES = 0.5 * 2 ** 30;

/** Bytes of blocks that may be on the backend at once beside the head: wasm's heap is limited. */
export function residentBytes(config: ModelConfig): number {
  const limit = heapLimit();
  return Math.max(0, limit - 4 * headParameters(config) - PASSING_BYTES);
}

export interface Place {
  readonly name: string;
  /** Of the backend: a GPU's memory, or what the wasm heap may hold. */
  readonly backendBytes: number;
  readonly processBytes: number;
  /** Whether the backend's tensors lie in the process's own memory. */
  readonly shared: boolean;
}

const GIB = 2 ** 30;

/** A GPU's nominal gigabytes are decimal, and a tenth is left to driver and fragments. */
export const PLACES: readonly Place[] = [
  { name: '24 GB GPU', backendBytes: 0.9 * 24e9, processBytes: 24 * GIB, shared: false },
  { name: '80 GB GPU', backendBytes: 0.9 * 80e9, processBytes: 64 * GIB, shared: false },
  { name: '16 GiB RAM', backendBytes: HEAP_BYTES, processBytes: 14 * GIB, shared: true },
  { name: '24 GiB RAM', backendBytes: HEAP_BYTES, processBytes: 22 * GIB, shared: true },
];

export function fits(need: Need, place: Place): boolean {
  const process = need.process + (place.shared ? need.backend : 0);
  return need.backend <= place.backendBytes && process <= place.processBytes;
}

/** The table of the docs, in Markdown. `firstBlock` says where a model's memory begins. */
export function fitTable(firstBlock: (layers: number) => number): string {
  const head = [
    'model',
    'parameters',
    'F32',
    'encode',
    'train',
    'eval',
    ...PLACES.map((p) => p.name),
  ];
  const rows = NOTE_MODELS.map(({ name, config }) => {
    const from = firstBlock(config.layers);
    const needs = needsOf(config, { from, tokens: 1024, length: 256 });
    const parameters = modelParameters(config);
    const sizes = [needs.encode, needs.train, needs.evaluate].map(({ backend }) => gib(backend));
    const places = PLACES.map((place) => stagesThatFit(needs, place));
    return [name, parameters.toLocaleString('en-US'), gib(4 * parameters), ...sizes, ...places];
  });
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function stagesThatFit(needs: Needs, place: Place): string {
  const { encode, train, evaluate, evaluatePaged } = needs;
  const names = [
    ...(fits(encode, place) ? ['encode'] : []),
    ...(fits(train, place) ? ['train'] : []),
    ...(fits(evaluate, place)
      ? ['eval']
      : place.shared && fits(evaluatePaged, place)
        ? ['eval (paged)']
        : []),
  ];
  return names.join(', ') === 'encode, train, eval' ? 'all' : names.join(', ') || 'none';
}

function gib(bytes: number): string {
  return `${(bytes / GIB).toFixed(bytes < 10 * GIB ? 2 : 1)} GiB`;
}
