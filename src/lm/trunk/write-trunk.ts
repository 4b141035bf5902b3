/**
 * Writes a trunk folder: the texts, and their states where they are to be stored. Knows no memory and
 * no stage.
 */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { readModelConfig } from '../config.ts';
import { decodeF16, encodeF16 } from '../weights/float-formats.ts';
import { computeStates, type Resumption } from './compute-states.ts';
import {
  digestOfIds,
  firstRows,
  type StateFormat,
  stateBytes,
  statesFile,
  type TrunkIndex,
  type TrunkText,
  trunkFiles,
} from './trunk.ts';

/** States of single texts that an earlier run computed. */
export interface StateCache {
  get(text: TrunkText): Float32Array | undefined;
  set(text: TrunkText, states: Float32Array): void;
}

export interface TrunkJob {
  /** Folder or file of the model. */
  readonly modelFolder: string;
  /** Blocks [0, from) are run; the states are those that enter block `from`. */
  readonly from: number;
  readonly texts: readonly TrunkText[];
  /** Texts at a time. */
  readonly batch: number;
  /** Default: F32, which loses nothing. */
  readonly states?: StateFormat | 'none';
  readonly cache?: StateCache;
  readonly resumption?: Resumption;
  /** Of the blocks below that may be on the backend at once; see `computeStates`. */
  readonly residentBytes?: number;
  /** Told after each batch; a unit is one text through one block. */
  readonly progress?: (done: number, total: number) => void;
}

export interface WrittenTrunk {
  readonly index: TrunkIndex;
  /** Texts whose states were computed, and not known from before. */
  readonly computed: number;
  /** Root of the mean squared rounding error over that of the states; 0 for F32. */
  readonly relativeError: number;
}

/** A state is too large for the half precision that was asked for. */
export class StateRangeError extends Error {}

/**
 * Writes the folder. A text's states do not depend on its neighbours: batches hold texts of equal
 * length, without padding. Throws ModelFileError, StateRangeError.
 */
export async function writeTrunk(folder: string, job: TrunkJob): Promise<WrittenTrunk> {
  mkdirSync(folder, { recursive: true });
  const { hidden } = readModelConfig(job.modelFolder);
  const format = job.states ?? 'F32';
  const index = writeTexts(folder, job, { hidden, format });
  if (format === 'none') return { index, computed: 0, relativeError: 0 };
  const file = openSync(join(folder, statesFile(format)), 'w+');
  try {
    const states = new StateFile(file, { hidden, format, texts: job.texts });
    const missing = restoreCached(states, job);
    await computeStates(job, missing, (text, values) => {
      states.write(text, values);
      job.cache?.set(job.texts[text]!, values);
    });
    return { index, computed: missing.length, relativeError: states.relativeError() };
  } finally {
    closeSync(file);
  }
}

/** The states of each text, at its place in the file. */
class StateFile {
  readonly hidden: number;
  private readonly file: number;
  private readonly format: StateFormat;
  private readonly texts: readonly TrunkText[];
  private readonly first: readonly number[];
  private squares = 0;
  private errors = 0;

  constructor(
    file: number,
    shape: { hidden: number; format: StateFormat; texts: readonly TrunkText[] },
  ) {
    this.file = file;
    this.hidden = shape.hidden;
    this.format = shape.format;
    this.texts = shape.texts;
    this.first = firstRows(shape.texts);
  }

  write(text: number, values: Float32Array): void {
    const kept = this.format === 'F16' ? this.halve(text, values) : values;
    const bytes = new Uint8Array(kept.buffer, kept.byteOffset, kept.byteLength);
    const offset = this.first[text]! * this.hidden * stateBytes[this.format];
    let done = 0;
    while (done < bytes.length) {
      done += writeSync(this.file, bytes, done, bytes.length - done, offset + done);
    }
  }

  relativeError(): number {
    return this.squares === 0 ? 0 : Math.sqrt(this.errors / this.squares);
  }

  private halve(text: number, values: Float32Array): Uint16Array {
    const halves = encodeF16(values);
    const back = decodeF16(halves);
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (!Number.isFinite(back[i]!)) {
        const { source, page } = this.texts[text]!;
        throw new StateRangeError(
          `a state of ${source} "${page}" is ${value}, more than half precision can hold`,
        );
      }
      this.squares += value * value;
      this.errors += (value - back[i]!) ** 2;
    }
    return halves;
  }
}

/** Writes what the cache knows; returns the texts that it does not. */
function restoreCached(states: StateFile, { texts, cache }: TrunkJob): number[] {
  return texts.flatMap((text, index) => {
    const known = cache?.get(text);
    if (known?.length !== text.ids.length * states.hidden) return [index];
    states.write(index, known);
    return [];
  });
}

function writeTexts(
  folder: string,
  { texts, from }: TrunkJob,
  { hidden, format }: { hidden: number; format: StateFormat | 'none' },
): TrunkIndex {
  const lines = texts.map(({ source, page, ids, supervisedFrom }) =>
    JSON.stringify({ source, page, ids, supervisedFrom }),
  );
  writeFileSync(join(folder, trunkFiles.texts), lines.map((line) => `${line}\n`).join(''));
  const rows = texts.reduce((sum, text) => sum + text.ids.length, 0);
  const index: TrunkIndex = {
    format: 2,
    states: format,
    from,
    hidden,
    ids: digestOfIds(texts),
    count: texts.length,
    rows,
  };
  writeFileSync(join(folder, trunkFiles.index), `${JSON.stringify(index, null, 2)}\n`);
  return index;
}
