/**
 * Reads safetensors checkpoints: one file, or shards with an index. The format is an 8-byte length, a
 * JSON header and raw little-endian bytes (https://github.com/huggingface/safetensors). Every claim
 * of the header is checked against the file before anything of the claimed size is allocated.
 * Knows no model: it serves named tensors.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { isPresent } from '../file-presence.ts';
import { ModelFileError } from '../model-file-error.ts';
import { decodeBF16, decodeF16 } from './float-formats.ts';

export interface WeightSource {
  readonly names: () => string[];
  /** @throws ModelFileError if the checkpoint has no such tensor; so does `read`. */
  readonly shape: (name: string) => number[];
  /** The tensor as float32, row-major; reads only its own bytes. */
  readonly read: (name: string) => Float32Array;
  /** The file that holds the tensor, for messages and digests. */
  readonly fileOf: (name: string) => string;
}

type Dtype = 'F32' | 'F16' | 'BF16';
const BYTES: Readonly<Record<Dtype, number>> = { F32: 4, F16: 2, BF16: 2 };

interface Entry {
  readonly file: string;
  readonly dtype: string;
  readonly shape: number[];
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

/** The largest header that the format's own reader accepts. */
const HEADER_LIMIT_BYTES = 100 * 2 ** 20;

/**
 * Opens the tensors of a model's folder, or of one safetensors file in it if `file` names it.
 * @throws ModelFileError for missing, truncated or contradictory files
 */
export function openWeights(folder: string, file?: string): WeightSource {
  const entries = file ? new Map(readHeader(join(folder, file))) : readAll(folder);
  const find = (name: string): Entry => {
    const entry = entries.get(name);
    if (entry) return entry;
    throw new ModelFileError(
      `has no tensor "${name}"`,
      file ? join(folder, file) : folder,
      'the checkpoint does not fit its config.json, or a shard is missing',
    );
  };
  return {
    names: () => [...entries.keys()],
    shape: (name) => [...find(name).shape],
    read: (name) => readTensor(name, find(name)),
    fileOf: (name) => find(name).file,
  };
}

function readAll(folder: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const file of listFiles(folder)) {
    for (const [name, entry] of readHeader(file)) {
      const other = entries.get(name)?.file;
      if (other) throw new ModelFileError(`tensor "${name}" is also in ${other}`, file);
      entries.set(name, entry);
    }
  }
  checkIndex(folder, entries);
  return entries;
}

const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

function listFiles(folder: string): string[] {
  if (isPresent(join(folder, INDEX))) {
    const names = new Set(readIndex(join(folder, INDEX)).values());
    return [...names].sort().map((name) => join(folder, name));
  }
  if (isPresent(join(folder, SINGLE))) return [join(folder, SINGLE)];
  throw new ModelFileError(
    `holds neither ${SINGLE} nor ${INDEX}`,
    folder,
    'download the safetensors weights of the model into this folder',
  );
}

/** tensor name → shard's file name. */
function readIndex(file: string): Map<string, string> {
  const value = parseJson(readFileSync(file, 'utf8'), file) as { weight_map?: unknown };
  const map = value?.weight_map;
  if (map === null || typeof map !== 'object') throw new ModelFileError('has no weight_map', file);
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string' || /[/\\]/.test(shard)) {
      throw new ModelFileError(`places "${name}" in ${JSON.stringify(shard)}, no file name`, file);
    }
  }
  return new Map(Object.entries(map as Record<string, string>));
}

function checkIndex(folder: string, entries: ReadonlyMap<string, Entry>): void {
  const file = join(folder, INDEX);
  if (!isPresent(file)) return;
  for (const [name, shard] of readIndex(file)) {
    if (entries.get(name)?.file !== join(folder, shard)) {
      throw new ModelFileError(`places "${name}" in ${shard}, which does not hold it`, file);
    }
  }
}

function readHeader(file: string): [string, Entry][] {
  const descriptor = openFile(file);
  try {
    const size = fstatSync(descriptor).size;
    const start = readHeaderLength(descriptor, file, size);
    const text = readBytes(descriptor, { file, offset: 8, bytes: start - 8 }).toString('utf8');
    const header = parseJson(text, file);
    if (header === null || typeof header !== 'object' || Array.isArray(header)) {
      throw new ModelFileError('has a header that is no JSON object', file);
    }
    const entries = Object.entries(header)
      .filter(([name]) => name !== '__metadata__')
      .map(([name, value]): [string, Entry] => [
        name,
        checkEntry(name, value, { file, start, size }),
      ]);
    checkOverlaps(entries, file, { start, size });
    return entries;
  } finally {
    closeSync(descriptor);
  }
}

function openFile(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ModelFileError(`cannot be opened (${code})`, file, 'is a shard missing?');
  }
}

/** @returns where the tensors' bytes begin */
function readHeaderLength(descriptor: number, file: string, size: number): number {
  if (size < 8) throw truncated(file, `only ${size} bytes long`);
  const length = readBytes(descriptor, { file, offset: 0, bytes: 8 }).readBigUInt64LE(0);
  if (length > BigInt(HEADER_LIMIT_BYTES)) {
    throw new ModelFileError(
      `claims a header of ${length} bytes`,
      file,
      'is it a safetensors file?',
    );
  }
  if (8 + Number(length) > size) {
    throw truncated(file, `its header would end at byte ${8 + Number(length)} of ${size}`);
  }
  return 8 + Number(length);
}

function truncated(file: string, detail: string): ModelFileError {
  return new ModelFileError(`is truncated: ${detail}`, file, 'download it again');
}

interface Extent {
  readonly start: number;
  readonly size: number;
}

function checkEntry(name: string, value: unknown, place: Extent & { file: string }): Entry {
  const { file, start, size } = place;
  const { dtype, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const wrong = (detail: string): ModelFileError =>
    new ModelFileError(`tensor "${name}" ${detail}`, file, 'the header is damaged');
  if (typeof dtype !== 'string') throw wrong('has no dtype');
  if (!isCounts(shape)) throw wrong(`has the shape ${JSON.stringify(shape)}`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw wrong(`has the offsets ${JSON.stringify(offsets)}`);
  }
  const [from, to] = offsets as [number, number];
  if (start + to > size)
    throw truncated(file, `tensor "${name}" ends at byte ${start + to} of ${size}`);
  const width = BYTES[dtype as Dtype];
  const elements = shape.reduce((product, extent) => product * extent, 1);
  if (width !== undefined && elements * width !== to - from) {
    throw wrong(`is ${dtype} [${shape}], ${elements * width} bytes, but spans ${to - from}`);
  }
  return { file, dtype, shape, offset: start + from, bytes: to - from };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

/** Tensors must tile the data: two that share bytes, or bytes of none, betray a damaged header. */
function checkOverlaps(entries: [string, Entry][], file: string, { start, size }: Extent): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  let end = start;
  for (const [name, entry] of sorted) {
    if (entry.offset !== end) {
      const what = entry.offset < end ? 'overlaps the tensor before it' : 'leaves a hole before it';
      throw new ModelFileError(`tensor "${name}" ${what}`, file, 'the header is damaged');
    }
    end = entry.offset + entry.bytes;
  }
  if (end !== size) throw new ModelFileError(`has ${size - end} bytes after its last tensor`, file);
}

function readTensor(name: string, entry: Entry): Float32Array {
  const { file, dtype } = entry;
  if (!(dtype in BYTES)) {
    throw new ModelFileError(
      `tensor "${name}" is ${dtype}`,
      file,
      'supported are F32, F16 and BF16',
    );
  }
  const descriptor = openFile(file);
  try {
    const { buffer } = readBytes(descriptor, entry);
    if (dtype === 'F32') return new Float32Array(buffer);
    const bits = new Uint16Array(buffer);
    return dtype === 'F16' ? decodeF16(bits) : decodeBF16(bits);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads exactly those bytes into memory of their own (so that views of any width are aligned). */
function readBytes(
  descriptor: number,
  { file, offset, bytes }: { file: string; offset: number; bytes: number },
): Buffer<ArrayBuffer> {
  const target = Buffer.from(new ArrayBuffer(bytes));
  let done = 0;
  while (done < bytes) {
    const count = readSync(
      descriptor,
      target,
      done,
      Math.min(bytes - done, 2 ** 30),
      offset + done,
    );
    if (count === 0) throw truncated(file, `it ends at byte ${offset + done}`);
    done += count;
  }
  return target;
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ModelFileError(`has a header that is not JSON (${(error as Error).message})`, file);
  }
}
