/**
 * The trunk artifact: for each text, the hidden states that enter the first memory block. Everything
 * below that block is frozen, so these never change over epochs, candidates and seeds.
 *
 * A folder: `index.json`; `texts.jsonl`, one text a line; `states.f32` or `states.f16`, one row of
 * `hidden` little-endian floats a token, in text order. Where storing does not pay there are no states,
 * and who needs them computes them. Knows no model and no memory.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { decodeF16 } from '../weights/float-formats.ts';

export type TextSource = 'doc' | 'temp';
export type StateFormat = 'F32' | 'F16';

export interface TrunkText {
  readonly source: TextSource;
  readonly page: string;
  readonly ids: readonly number[];
  /** The first token whose prediction may be trained; the end of the prompt of an example. */
  readonly supervisedFrom: number;
}

export interface TrunkIndex {
  readonly format: 2;
  /** `none` where the states are not stored. */
  readonly states: StateFormat | 'none';
  /** The block that the states enter. */
  readonly from: number;
  readonly hidden: number;
  /** SHA-256 over the texts' token ids, in order. */
  readonly ids: string;
  /** Texts. */
  readonly count: number;
  /** Tokens, which is rows of the states. */
  readonly rows: number;
}

export interface Trunk {
  readonly index: TrunkIndex;
  readonly texts: readonly TrunkText[];
  /** The (ids.length, hidden) states of a text, read or computed on each call. */
  readStates(text: number): Float32Array | Promise<Float32Array>;
  close(): void;
}

export const trunkFiles = { index: 'index.json', texts: 'texts.jsonl' } as const;

export const stateBytes = { F32: 4, F16: 2 } as const;

export function statesFile(format: StateFormat): string {
  return `states.${format.toLowerCase()}`;
}

/** Digest of the token ids of all texts, with their boundaries. */
export function digestOfIds(texts: readonly TrunkText[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(Int32Array.of(text.ids.length, ...text.ids));
  return hash.digest('hex');
}

/** The row of the states at which each text begins. */
export function firstRows(texts: readonly TrunkText[]): number[] {
  let row = 0;
  return texts.map((text) => {
    const first = row;
    row += text.ids.length;
    return first;
  });
}

/** Opens a trunk folder, without reading states. Throws an Error that names the file at fault. */
export function openTrunk(folder: string): Trunk {
  const index = readIndex(join(folder, trunkFiles.index));
  const texts = readTexts(join(folder, trunkFiles.texts), index);
  if (index.states === 'none') return withoutStates(index, texts);
  return { index, texts, ...openStates(join(folder, statesFile(index.states)), index, texts) };
}

function withoutStates(index: TrunkIndex, texts: TrunkText[]): Trunk {
  const readStates = () => {
    throw new Error('this trunk was not stored: its states have to be computed');
  };
  return { index, texts, readStates, close: () => undefined };
}

function openStates(
  file: string,
  { hidden, rows, states }: TrunkIndex,
  texts: readonly TrunkText[],
): Pick<Trunk, 'readStates' | 'close'> {
  const handle = openSync(file, 'r');
  const width = stateBytes[states as StateFormat];
  const rowBytes = width * hidden;
  if (fstatSync(handle).size !== rows * rowBytes) {
    closeSync(handle);
    throw new Error(`${file}: expected ${rows} rows of ${rowBytes} bytes`);
  }
  const first = firstRows(texts);
  return {
    readStates(text) {
      const bytes = new Uint8Array(texts[text]!.ids.length * rowBytes);
      readSync(handle, bytes, 0, bytes.length, first[text]! * rowBytes);
      if (states === 'F16') return decodeF16(new Uint16Array(bytes.buffer));
      return new Float32Array(bytes.buffer);
    },
    close: () => closeSync(handle),
  };
}

function readIndex(file: string): TrunkIndex {
  const index = JSON.parse(readFileSync(file, 'utf8')) as TrunkIndex;
  if (index.format !== 2) throw new Error(`${file}: unknown trunk format ${index.format}`);
  return index;
}

function readTexts(file: string, index: TrunkIndex): TrunkText[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  const texts = lines.map((line) => JSON.parse(line) as TrunkText);
  if (texts.length !== index.count || digestOfIds(texts) !== index.ids) {
    throw new Error(`${file}: not the texts that the states were computed from`);
  }
  return texts;
}
