/**
 * Computes a trunk folder: embeds all texts, then takes them through one block after the other, with
 * only that block's weights on the backend, so that memory is that of the largest block and not that
 * of the model. Knows no memory and no stage.
 */
import { closeSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { readModelConfig } from '../config.ts';
import { embed, forwardBlocks, loadModel, type Model } from '../model.ts';
import { equalLengthBatches } from './equal-length.ts';
import { digestOfIds, firstRows, type TrunkIndex, type TrunkText, trunkFiles } from './trunk.ts';

/** States of single texts that an earlier run computed. */
export interface StateCache {
  get(text: TrunkText): Float32Array | undefined;
  set(text: TrunkText, states: Float32Array): void;
}

export interface TrunkJob {
  readonly modelFolder: string;
  /** Blocks [0, from) are run; the states are those that enter block `from`. */
  readonly from: number;
  readonly texts: readonly TrunkText[];
  /** Texts at a time. */
  readonly batch: number;
  readonly cache?: StateCache;
  /** Told after each batch; a unit is one text through one block. */
  readonly progress?: (done: number, total: number) => void;
}

/**
 * Writes the folder and returns its index. A text's states do not depend on its neighbours: batches
 * hold texts of equal length, without padding. Throws ModelFileError.
 */
export async function writeTrunk(folder: string, job: TrunkJob): Promise<TrunkIndex> {
  mkdirSync(folder, { recursive: true });
  const { hidden } = readModelConfig(job.modelFolder);
  const file = openSync(join(folder, trunkFiles.states), 'w+');
  try {
    const rows = new StateFile(file, hidden, job.texts);
    const missing = restoreCached(rows, job);
    await embedAll(rows, missing, job);
    for (let block = 0; block < job.from; block++) await passBlock(rows, missing, block, job);
    for (const text of missing) job.cache?.set(job.texts[text]!, rows.read(text));
  } finally {
    closeSync(file);
  }
  return writeIndex(folder, job, hidden);
}

/** The states of each text, at its place in the file; every pass overwrites them. */
class StateFile {
  readonly hidden: number;
  private readonly file: number;
  private readonly texts: readonly TrunkText[];
  private readonly first: readonly number[];

  constructor(file: number, hidden: number, texts: readonly TrunkText[]) {
    this.file = file;
    this.hidden = hidden;
    this.texts = texts;
    this.first = firstRows(texts);
  }

  read(text: number): Float32Array {
    const values = new Float32Array(this.texts[text]!.ids.length * this.hidden);
    const bytes = new Uint8Array(values.buffer);
    readSync(this.file, bytes, 0, bytes.length, this.offsetOf(text));
    return values;
  }

  write(text: number, values: Float32Array): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    writeSync(this.file, bytes, 0, bytes.length, this.offsetOf(text));
  }

  private offsetOf(text: number): number {
    return this.first[text]! * this.hidden * 4;
  }
}

/** Writes what the cache knows; returns the texts that it does not. */
function restoreCached(rows: StateFile, { texts, cache }: TrunkJob): number[] {
  return texts.flatMap((text, index) => {
    const states = cache?.get(text);
    if (states?.length !== text.ids.length * rows.hidden) return [index];
    rows.write(index, states);
    return [];
  });
}

async function embedAll(rows: StateFile, texts: readonly number[], job: TrunkJob): Promise<void> {
  if (texts.length === 0) return;
  const part = { from: 0, to: 0, embedding: true, head: false };
  await withModel(job.modelFolder, part, async (model) => {
    for (const text of texts) {
      const ids = Int32Array.from(job.texts[text]!.ids);
      rows.write(text, await floatsOf(() => embed(model, ids)));
    }
  });
}

async function passBlock(
  rows: StateFile,
  texts: readonly number[],
  block: number,
  job: TrunkJob,
): Promise<void> {
  const part = { from: block, to: block + 1, embedding: false, head: false };
  let done = 0;
  await withModel(job.modelFolder, part, async (model) => {
    for (const batch of equalLengthBatches(
      texts,
      (text) => job.texts[text]!.ids.length,
      job.batch,
    )) {
      const length = job.texts[batch[0]!]!.ids.length;
      const states = batch.map((text) => rows.read(text));
      const output = await floatsOf(() => forwardBatch(model, states, length, rows.hidden));
      const size = length * rows.hidden;
      batch.forEach((text, index) => {
        rows.write(text, output.subarray(index * size, (index + 1) * size));
      });
      done += batch.length;
      job.progress?.(block * texts.length + done, job.from * texts.length);
    }
  });
}

function forwardBatch(
  model: Model,
  states: readonly Float32Array[],
  length: number,
  hidden: number,
): Tensor2D {
  const all = new Float32Array(states.length * length * hidden);
  states.forEach((values, index) => {
    all.set(values, index * length * hidden);
  });
  const h = tensor2d(all, [states.length * length, hidden]); // (B·T, C)
  return forwardBlocks(model, h, { batch: states.length, length });
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

function writeIndex(folder: string, { texts, from }: TrunkJob, hidden: number): TrunkIndex {
  const lines = texts.map(({ source, page, ids, supervisedFrom }) =>
    JSON.stringify({ source, page, ids, supervisedFrom }),
  );
  writeFileSync(join(folder, trunkFiles.texts), lines.map((line) => `${line}\n`).join(''));
  const rows = texts.reduce((sum, text) => sum + text.ids.length, 0);
  const index: TrunkIndex = {
    format: 1,
    from,
    hidden,
    ids: digestOfIds(texts),
    count: texts.length,
    rows,
  };
  writeFileSync(join(folder, trunkFiles.index), `${JSON.stringify(index, null, 2)}\n`);
  return index;
}
