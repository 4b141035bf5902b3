/**
 * A language model, or the part of one that is needed: embedding, blocks `from` … `to`, head. Runs
 * batches of equally long texts, with adapters applied to blocks' outputs and with a shared prefix.
 * Frozen by default: gradients flow to `h` and to the adapters' variables only.
 *
 * Knows no memory, no training and no text.
 */
import {
  concat,
  keep,
  neg,
  type Scalar,
  type Tensor2D,
  tensor2d,
  tidy,
  type Variable,
} from '@tensorflow/tfjs-core';
import type { KeysValues } from '../tensor/attention-plan.ts';
import { crossEntropyLoss, rowLosses } from '../tensor/cross-entropy.ts';
import { applyNorm, type Norm } from '../tensor/norm.ts';
import { pickWords, type WordTable, wordLogits } from '../tensor/word-table.ts';
import type { Block } from './block.ts';
import { readModelConfig } from './config.ts';
import { blockBytes } from './footprint.ts';
import { LLAMA_EMBEDDING, LLAMA_HEAD, loadLlamaBlock, loadLlamaFinalNorm } from './llama.ts';
import type { ModelConfig } from './model-config.ts';
import { loadNeoxBlock, loadNeoxFinalNorm, NEOX_EMBEDDING, NEOX_HEAD } from './neox.ts';
import { type PagedBlocks, pageBlocks } from './paged-blocks.ts';
import { openModelWeights } from './weights/open.ts';
import { type Parameter, ParameterLoader } from './weights/parameters.ts';

/** Which part of a model to load: blocks `[from, to)`, and what lies before and after them. */
export interface ModelPart {
  readonly from: number;
  readonly to: number;
  readonly embedding: boolean;
  readonly head: boolean;
  /** Weights become variables, and gradients of them can be asked for. */
  readonly trainable?: boolean;
  /**
   * Bytes of blocks that may be on the backend at once: beyond them, blocks are loaded each time they
   * are needed, and no gradient can go through. Default: all are there.
   */
  readonly residentBytes?: number;
}

export interface Model {
  readonly config: ModelConfig;
  readonly part: ModelPart;
  /** What is on the backend, with its names in the checkpoint. */
  readonly parameters: readonly Parameter[];
  /** The parameters as variables, in the same order; empty when frozen. */
  readonly variables: readonly Variable[];
  readonly blocks: ReadonlyMap<number, Block>;
  readonly embedding?: Embedding;
  readonly head?: Head;
  readonly dispose: () => void;
}

/** A frozen table stays in JavaScript's memory: looking rows up needs no backend. */
export type Embedding = { readonly floats: Float32Array } | { readonly table: WordTable };

export interface Head {
  readonly norm: Norm;
  readonly words: WordTable;
}

/** Applied to the output of a block, after its residuals. */
export type Adapter = (h: Tensor2D) => Tensor2D;

/** A model that something was added to. */
export interface Adapted {
  /** Runs instead of the frozen one, with `adapters`; it owns nothing. */
  readonly model: Model;
  readonly adapters: ReadonlyMap<number, Adapter>;
  /** The first block whose inside is not the frozen model's; the number of blocks if there is none. */
  readonly ownFrom: number;
}

/** Keys and values of a prefix, of each block that has seen it. */
export interface PastKeyValues {
  /** Tokens. */
  readonly length: number;
  readonly blocks: ReadonlyMap<number, KeysValues>;
  readonly dispose: () => void;
}

/**
 * Loads a part of the model in a Hugging Face folder or a GGUF file.
 * @throws ModelFileError if its files are missing, damaged, unsupported or too large for the backend
 */
export async function loadModel(folder: string, part: ModelPart): Promise<Model> {
  const config = readModelConfig(folder);
  if (part.from < 0 || part.to > config.layers || part.from > part.to) {
    throw new RangeError(`blocks [${part.from}, ${part.to}) of a model with ${config.layers}`);
  }
  const loader = new ParameterLoader(folder, openModelWeights(folder), part.trainable ?? false);
  try {
    return buildModel(loader, config, part);
  } catch (error) {
    loader.dispose();
    throw error;
  }
}

/** The same from a loader, such as one over a file that holds only this part. The model owns what it loads. */
export function buildModel(loader: ParameterLoader, config: ModelConfig, part: ModelPart): Model {
  const embedding = part.embedding ? loadEmbedding(loader, config) : undefined;
  const { blocks, dispose } = loadBlocks(loader, config, part);
  const head = part.head ? loadHead(loader, config, embedding) : undefined;
  const { parameters, trainable } = loader;
  return {
    config,
    part,
    parameters,
    variables: trainable ? parameters.map(({ tensor }) => tensor as Variable) : [],
    blocks,
    ...(embedding ? { embedding } : {}),
    ...(head ? { head } : {}),
    dispose: () => {
      dispose();
      loader.dispose();
    },
  };
}

function loadBlocks(loader: ParameterLoader, config: ModelConfig, part: ModelPart): PagedBlocks {
  const { from, to, residentBytes = Number.POSITIVE_INFINITY } = part;
  const loadBlock = config.family === 'neox' ? loadNeoxBlock : loadLlamaBlock;
  if (blockBytes(config, from, to) > residentBytes) {
    const load = (index: number) => {
      const own = new ParameterLoader(loader.folder, loader.source, false);
      return { block: loadBlock(own, config, index), loader: own };
    };
    return pageBlocks({ from, to, blockBytes: blockBytes(config, 0, 1), residentBytes, load });
  }
  const blocks = new Map<number, Block>();
  for (let i = from; i < to; i++) blocks.set(i, loadBlock(loader, config, i));
  return { blocks, dispose: () => undefined };
}

function loadEmbedding(loader: ParameterLoader, config: ModelConfig): Embedding {
  const name = embeddingName(config);
  const { vocab, hidden } = config;
  if (!loader.trainable) return { floats: loader.readShaped(name, [vocab, hidden]) };
  return { table: loader.words(name, vocab, hidden) };
}

function embeddingName({ family }: ModelConfig): string {
  return family === 'neox' ? NEOX_EMBEDDING : LLAMA_EMBEDDING;
}

function loadHead(
  loader: ParameterLoader,
  config: ModelConfig,
  embedding: Embedding | undefined,
): Head {
  const norm = loadFinalNorm(loader, config);
  if (config.tiedHead && loader.trainable) {
    if (!embedding || !('table' in embedding)) {
      throw new Error('a trainable tied head needs the embedding in the same part');
    }
    return { norm, words: embedding.table };
  }
  return { norm, words: loadHeadWords(loader, config) };
}

export function loadFinalNorm(loader: ParameterLoader, config: ModelConfig): Norm {
  return config.family === 'neox'
    ? loadNeoxFinalNorm(loader, config)
    : loadLlamaFinalNorm(loader, config);
}

export function loadHeadWords(loader: ParameterLoader, config: ModelConfig): WordTable {
  const untied = config.family === 'neox' ? NEOX_HEAD : LLAMA_HEAD;
  const name = config.tiedHead ? embeddingName(config) : untied;
  return loader.words(name, config.vocab, config.hidden);
}

/** Token ids to hidden states (N, C). */
export function embed(model: Model, ids: Int32Array): Tensor2D {
  const { embedding, config } = model;
  if (!embedding) throw new Error('the model was loaded without its embedding');
  const bad = ids.find((id) => id < 0 || id >= config.vocab);
  if (bad !== undefined) throw new RangeError(`token ${bad} in a vocabulary of ${config.vocab}`);
  if ('table' in embedding) return pickWords(embedding.table, ids);
  const { hidden } = config;
  const values = new Float32Array(ids.length * hidden);
  for (let row = 0; row < ids.length; row++) {
    const start = ids[row]! * hidden;
    values.set(embedding.floats.subarray(start, start + hidden), row * hidden);
  }
  return tensor2d(values, [ids.length, hidden]);
}

export interface ForwardOptions {
  readonly batch: number;
  readonly length: number;
  /** Default: the blocks that were loaded. */
  readonly from?: number;
  readonly to?: number;
  readonly adapters?: ReadonlyMap<number, Adapter>;
  /** A prefix that all texts share; their first token takes the position after it. */
  readonly past?: PastKeyValues;
  /** Receives the texts' own keys and values of each block; the caller disposes them. */
  readonly keep?: Map<number, KeysValues>;
}

/**
 * Runs h (B·T, C), row-major by text, through blocks `[from, to)`. Shorter texts are padded at their
 * end: what follows a token cannot change it.
 */
export function forwardBlocks(model: Model, h: Tensor2D, options: ForwardOptions): Tensor2D {
  const { from = model.part.from, to = model.part.to } = options;
  if (h.shape[0] !== options.batch * options.length) {
    throw new Error(`h has ${h.shape[0]} rows, expected ${options.batch} × ${options.length}`);
  }
  let current = h;
  for (let index = from; index < to; index++) {
    const next = tidy(() => forwardBlock(model, current, index, options));
    if (current !== h) current.dispose();
    current = next;
  }
  return current === h ? h.clone() : current;
}

function forwardBlock(
  model: Model,
  h: Tensor2D,
  index: number,
  { batch, length, adapters, past, keep: kept }: ForwardOptions,
): Tensor2D {
  const block = model.blocks.get(index);
  if (!block) throw new Error(`block ${index} is not loaded`);
  const before = past?.blocks.get(index);
  if (past && !before) throw new Error(`the prefix has not passed block ${index}`);
  const output = block(h, {
    batch,
    length,
    ...(before ? { past: before } : {}),
    ...(kept ? { keep: (own: KeysValues) => kept.set(index, keepBoth(own)) } : {}),
  });
  return adapters?.get(index)?.(output) ?? output;
}

function keepBoth(pair: KeysValues): KeysValues {
  keep(pair.keys);
  keep(pair.values);
  return pair;
}

/**
 * Runs one text, the prefix of others, and keeps its own keys and values for `forwardBlocks`' `past`.
 * @param h (P, C) @returns the past, which the caller disposes, and the prefix's own output (P, C)
 */
export function forwardPrefix(
  model: Model,
  h: Tensor2D,
  options: Pick<ForwardOptions, 'from' | 'to' | 'adapters' | 'past'> = {},
): { past: PastKeyValues; h: Tensor2D } {
  const blocks = new Map<number, KeysValues>();
  const length = h.shape[0];
  const output = forwardBlocks(model, h, { ...options, batch: 1, length, keep: blocks });
  return { past: pastOf(blocks, length), h: output };
}

/** Wraps keys and values that `forwardBlocks` kept; the result owns them. */
export function pastOf(blocks: ReadonlyMap<number, KeysValues>, length: number): PastKeyValues {
  return {
    length,
    blocks,
    dispose: () => {
      for (const { keys, values } of blocks.values()) {
        keys.dispose();
        values.dispose();
      }
    },
  };
}

/** Keys and values of two texts of which the second saw the first; the second one is disposed. */
export function joinPasts(first: PastKeyValues, second: PastKeyValues): PastKeyValues {
  const blocks = new Map<number, KeysValues>();
  for (const [index, own] of second.blocks) {
    const before = first.blocks.get(index)!;
    blocks.set(index, {
      keys: keep(concat([before.keys, own.keys], 0)),
      values: keep(concat([before.values, own.values], 0)),
    });
  }
  second.dispose();
  return pastOf(blocks, first.length + second.length);
}

function headOf(model: Model): Head {
  if (!model.head) throw new Error('the model was loaded without its head');
  return model.head;
}

/** Final norm and head: h (N, C) to logits (N, V). Records no gradient. */
export function headLogits(model: Model, h: Tensor2D): Tensor2D {
  const { norm, words } = headOf(model);
  return tidy(() => wordLogits(words, applyNorm(norm, h)));
}

/** Mean over the rows of −log p(target); h (N, C) holds the supervised positions only. */
export function crossEntropy(model: Model, h: Tensor2D, targets: Int32Array): Scalar {
  const { norm, words } = headOf(model);
  return tidy(() => crossEntropyLoss(applyNorm(norm, h), words, targets));
}

/** log p(target) of each row of h (N, C). */
export async function tokenLogProbabilities(
  model: Model,
  h: Tensor2D,
  targets: Int32Array,
): Promise<Float32Array> {
  const { norm, words } = headOf(model);
  const result = tidy(() => neg(rowLosses(applyNorm(norm, h), words, targets)));
  const values = (await result.data()) as Float32Array;
  result.dispose();
  return values;
}
