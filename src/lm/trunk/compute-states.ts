/**
 * Computes texts' hidden states at a block. Where the blocks below fit into the backend's memory at
 * once, batch by batch through all of them; else wave by wave, block by block, with only that block's
 * weights there, so that memory is that of the largest block and not that of the model. Both give the
 * same bits. Knows no file of states.
 */
import { createHash } from 'node:crypto';
import { type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { decodeSnapshot, encodeSnapshot } from '../../tensor/snapshot.ts';
import { readModelConfig } from '../config.ts';
import { blockBytes } from '../footprint.ts';
import { embed, forwardBlocks, loadModel, type Model } from '../model.ts';
import { equalLengthBatches } from './equal-length.ts';
import type { TrunkText } from './trunk.ts';

/** Where a wave stands is saved, since one may take hours. */
export interface Resumption {
  /** What a killed run saved, if any. */
  readonly saved: Uint8Array | undefined;
  /** Asked after each batch. */
  saveDue(): boolean;
  save(state: Uint8Array): void;
}

export interface StatesJob {
  readonly modelFolder: string;
  readonly from: number;
  readonly texts: readonly TrunkText[];
  readonly batch: number;
  readonly resumption?: Resumption;
  /** Bytes of blocks that may be on the backend at once. Default: 1.5 GiB. */
  readonly residentBytes?: number;
  readonly progress?: (done: number, total: number) => void;
}

/** Receives a text's (ids.length, hidden) states as soon as they are known. */
type Deliver = (text: number, states: Float32Array) => void;

const RESIDENT_BYTES = 1.5 * 2 ** 30;
/** States of a wave, which are held in memory while it passes the blocks. */
const WAVE_BYTES = 256 * 2 ** 20;

/** Computes the states of the texts at these positions. Throws ModelFileError. */
export async function computeStates(
  job: StatesJob,
  texts: readonly number[],
  deliver: Deliver,
): Promise<void> {
  if (texts.length === 0) return;
  const config = readModelConfig(job.modelFolder);
  const limit = job.residentBytes ?? RESIDENT_BYTES;
  if (blockBytes(config, 0, job.from) <= limit) return passWhole(job, texts, deliver);
  const waves = wavesOf(job, texts, WAVE_BYTES / (4 * config.hidden));
  for (const [index, wave] of waves.entries()) {
    const before = waves.slice(0, index).reduce((sum, earlier) => sum + earlier.length, 0);
    const told = (units: number) =>
      job.progress?.(before * job.from + units, texts.length * job.from);
    await passWave({ ...job, progress: told }, wave, deliver);
  }
}

/** Consecutive texts of at most so many tokens together, and at least one. */
function wavesOf(job: StatesJob, texts: readonly number[], tokens: number): number[][] {
  const waves: number[][] = [];
  let room = 0;
  for (const text of texts) {
    const length = job.texts[text]!.ids.length;
    if (waves.length === 0 || length > room) {
      waves.push([]);
      room = tokens;
    }
    waves.at(-1)!.push(text);
    room -= length;
  }
  return waves;
}

/** A batch's states are delivered before the next one begins. */
async function passWhole(
  job: StatesJob,
  texts: readonly number[],
  deliver: Deliver,
): Promise<void> {
  const part = { from: 0, to: job.from, embedding: true, head: false };
  let done = 0;
  await withModel(job.modelFolder, part, async (model) => {
    for (const batch of batchesOf(job, texts)) {
      const ids = Int32Array.from(batch.flatMap((text) => job.texts[text]!.ids));
      const length = ids.length / batch.length;
      const output = await floatsOf(() =>
        forwardBlocks(model, embed(model, ids), { batch: batch.length, length }),
      );
      const size = output.length / batch.length;
      batch.forEach((text, row) => {
        deliver(text, output.slice(row * size, (row + 1) * size));
      });
      done += batch.length;
      job.progress?.(done * job.from, texts.length * job.from);
    }
  });
}

interface WaveProgress {
  /** Of the model's place, the texts and the number of blocks: what the states belong to. */
  readonly wave: string;
  /** The block that is being passed, and batches that have passed it. */
  block: number;
  batches: number;
}

interface ProgressingJob extends StatesJob {
  readonly progress: (units: number) => void;
}

async function passWave(
  job: ProgressingJob,
  wave: readonly number[],
  deliver: Deliver,
): Promise<void> {
  const name = nameOf(job, wave);
  const { at, states } = resumed(job, wave, name) ?? {
    at: { wave: name, block: 0, batches: 0 },
    states: await embedAll(job, wave),
  };
  for (; at.block < job.from; at.block++) {
    await passBlock(job, wave, { at, states });
    at.batches = 0;
  }
  for (const text of wave) deliver(text, states.get(text)!);
}

function nameOf({ texts, from }: StatesJob, wave: readonly number[]): string {
  const hash = createHash('sha256').update(String(from));
  for (const text of wave) hash.update(Int32Array.from(texts[text]!.ids)).update('\n');
  return hash.digest('hex');
}

function resumed(job: StatesJob, wave: readonly number[], name: string) {
  if (job.resumption?.saved === undefined) return undefined;
  const { meta, arrays } = decodeSnapshot<WaveProgress>(job.resumption.saved);
  if (meta.wave !== name) return undefined;
  return { at: { ...meta }, states: new Map(wave.map((text, index) => [text, arrays[index]!])) };
}

async function embedAll(
  job: StatesJob,
  wave: readonly number[],
): Promise<Map<number, Float32Array>> {
  const states = new Map<number, Float32Array>();
  const part = { from: 0, to: 0, embedding: true, head: false };
  await withModel(job.modelFolder, part, async (model) => {
    for (const text of wave) {
      const ids = Int32Array.from(job.texts[text]!.ids);
      states.set(text, await floatsOf(() => embed(model, ids)));
    }
  });
  return states;
}

async function passBlock(
  job: ProgressingJob,
  wave: readonly number[],
  { at, states }: { at: WaveProgress; states: Map<number, Float32Array> },
): Promise<void> {
  const part = { from: at.block, to: at.block + 1, embedding: false, head: false };
  const batches = batchesOf(job, wave);
  await withModel(job.modelFolder, part, async (model) => {
    for (const batch of batches.slice(at.batches)) {
      const output = await floatsOf(() => forwardBatch(model, batch, states));
      const size = output.length / batch.length;
      batch.forEach((text, row) => {
        states.set(text, output.slice(row * size, (row + 1) * size));
      });
      at.batches += 1;
      job.progress(at.block * wave.length + textsIn(batches.slice(0, at.batches)));
      if (job.resumption?.saveDue()) {
        const arrays = wave.map((text) => states.get(text)!);
        job.resumption.save(encodeSnapshot({ meta: at, arrays }));
      }
    }
  });
}

function textsIn(batches: readonly (readonly number[])[]): number {
  return batches.reduce((sum, batch) => sum + batch.length, 0);
}

function batchesOf(job: StatesJob, texts: readonly number[]): number[][] {
  return equalLengthBatches(texts, (text) => job.texts[text]!.ids.length, job.batch);
}

function forwardBatch(
  model: Model,
  batch: readonly number[],
  states: ReadonlyMap<number, Float32Array>,
): Tensor2D {
  const parts = batch.map((text) => states.get(text)!);
  const size = parts[0]!.length;
  const { hidden } = model.config;
  const all = new Float32Array(parts.length * size);
  parts.forEach((values, row) => {
    all.set(values, row * size);
  });
  const length = size / hidden;
  const h = tensor2d(all, [parts.length * length, hidden]); // (B·T, C)
  return forwardBlocks(model, h, { batch: parts.length, length });
}

async function withModel(
  folder: string,
  part: Parameters<typeof loadModel>[1],
  use: (model: Model) => Promise<void>,
): Promise<void> {
  const model = await loadModel(folder, part);
  try {
    await use(model);
  } finally {
    model.dispose();
  }
}

/** The values of a tensor, which is disposed with everything that was made for it. */
async function floatsOf(compute: () => Tensor2D): Promise<Float32Array> {
  const result = tidy(compute);
  const values = (await result.data()) as Float32Array;
  result.dispose();
  return values;
}
