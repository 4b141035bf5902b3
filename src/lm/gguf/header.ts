/**
 * Reads the header of a GGUF file: its metadata and its table of tensors, as
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md lays them down. Every length that the
 * file claims is checked against the file's size before anything of that size is allocated. Knows no
 * model: it serves values by key and places by tensor name.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { ModelFileError } from '../model-file-error.ts';
import { ByteCursor } from './byte-cursor.ts';
import { type BlockFormat, blockFormat } from './dequantise.ts';

export type GgufScalar = number | boolean | string;

/** A list in the metadata: counted and passed over at first, and read when it is asked for. */
interface ListPlace {
  readonly kind: number;
  readonly count: number;
  readonly offset: number;
}

export interface GgufTensor {
  readonly name: string;
  /** Row-major, as PyTorch states it: the reverse of the file's own order. */
  readonly shape: readonly number[];
  readonly format: BlockFormat;
  /** From the start of the file. */
  readonly offset: number;
  readonly bytes: number;
}

export interface GgufHeader {
  readonly file: string;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Undefined where the file has no such key, or a list under it. */
  scalar(key: string): GgufScalar | undefined;
  /** The items of a list; undefined where the file has no such list. */
  list(key: string): GgufScalar[] | undefined;
}

const MAGIC = 0x46554747; // "GGUF", little-endian
const STRING = 8;
const LIST = 9;
/** Bytes of a value of each kind; strings and lists say their own length. */
const WIDTHS: readonly (number | undefined)[] = [
  1,
  1,
  2,
  2,
  4,
  4,
  4,
  1,
  undefined,
  undefined,
  8,
  8,
  8,
];
/** The smallest tensor entry: an empty name, no dimension, a format and an offset. */
const LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8;
const LEAST_PAIR_BYTES = 8 + 4 + 1;
const MOST_DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;

/** @throws ModelFileError that names the file and the byte for anything the format does not allow */
export function readGgufHeader(file: string): GgufHeader {
  const descriptor = open(file);
  try {
    const cursor = new ByteCursor(descriptor, file, fstatSync(descriptor).size);
    const counts = readCounts(cursor);
    const metadata = readMetadata(cursor, counts.pairs);
    const tensors = readTensors(cursor, counts.tensors, alignmentOf(metadata, cursor));
    return { file, tensors, ...accessTo(file, metadata) };
  } finally {
    closeSync(descriptor);
  }
}

function open(file: string): number {
  try {
    return openSync(file, 'r');
  } catch (error) {
    throw new ModelFileError(
      `cannot be opened (${(error as NodeJS.ErrnoException).code})`,
      file,
      'a model is a folder, or one .gguf file',
    );
  }
}

function readCounts(cursor: ByteCursor): { tensors: number; pairs: number } {
  if (cursor.u32('the magic number') !== MAGIC) throw cursor.wrong(0, 'is no GGUF file');
  const version = cursor.u32('the version');
  if (version === 0x02000000 || version === 0x03000000) {
    throw cursor.wrong(4, 'is a big-endian GGUF file, which is not supported');
  }
  if (version !== 2 && version !== 3) {
    throw cursor.wrong(4, `is GGUF version ${version}; supported are 2 and 3`);
  }
  const tensors = cursor.count('the number of tensors', LEAST_TENSOR_BYTES);
  return { tensors, pairs: cursor.count('the number of metadata', LEAST_PAIR_BYTES) };
}

type Metadata = Map<string, GgufScalar | ListPlace>;

function readMetadata(cursor: ByteCursor, count: number): Metadata {
  const metadata: Metadata = new Map();
  for (let at = 0; at < count; at++) {
    const start = cursor.offset;
    const key = cursor.text('a metadata key');
    if (metadata.has(key)) throw cursor.wrong(start, `has the metadata key "${key}" twice`);
    const kind = cursor.u32(`the kind of "${key}"`);
    metadata.set(key, kind === LIST ? skipList(cursor, key) : readScalar(cursor, kind, key));
  }
  return metadata;
}

function skipList(cursor: ByteCursor, key: string): ListPlace {
  const start = cursor.offset;
  const kind = cursor.u32(`the kind of items of "${key}"`);
  const width = WIDTHS[kind];
  if (width === undefined && kind !== STRING) {
    throw cursor.wrong(start, `has items of kind ${kind} in the list "${key}", not supported`);
  }
  const count = cursor.count(`the length of "${key}"`, width ?? 8);
  const place = { kind, count, offset: cursor.offset };
  if (width !== undefined) cursor.skip(count * width, `"${key}"`);
  else for (let at = 0; at < count; at++) cursor.skipText(`item ${at} of "${key}"`);
  return place;
}

function readScalar(cursor: ByteCursor, kind: number, key: string): GgufScalar {
  const start = cursor.offset;
  const what = `the value of "${key}"`;
  if (kind === STRING) return cursor.text(what);
  const width = WIDTHS[kind];
  if (width === undefined) throw cursor.wrong(start, `gives "${key}" the unknown kind ${kind}`);
  const bytes = cursor.take(width, what);
  if (kind === 0) return bytes.readUInt8();
  if (kind === 1) return bytes.readInt8();
  if (kind === 2) return bytes.readUInt16LE();
  if (kind === 3) return bytes.readInt16LE();
  if (kind === 4) return bytes.readUInt32LE();
  if (kind === 5) return bytes.readInt32LE();
  if (kind === 6) return bytes.readFloatLE();
  if (kind === 7) return bytes.readUInt8() !== 0;
  if (kind === 10) return Number(bytes.readBigUInt64LE());
  if (kind === 11) return Number(bytes.readBigInt64LE());
  return bytes.readDoubleLE();
}

function alignmentOf(metadata: Metadata, cursor: ByteCursor): number {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= 2 ** 20) {
    return value;
  }
  throw cursor.wrong(cursor.offset, `aligns tensors to ${JSON.stringify(value)} bytes`);
}

interface TensorEntry {
  readonly tensor: GgufTensor;
  /** Where the table speaks of it, for messages. */
  readonly entryOffset: number;
}

function readTensors(
  cursor: ByteCursor,
  count: number,
  alignment: number,
): Map<string, GgufTensor> {
  const entries: TensorEntry[] = [];
  const names = new Set<string>();
  for (let at = 0; at < count; at++) {
    const entryOffset = cursor.offset;
    const tensor = readTensor(cursor);
    if (names.has(tensor.name)) {
      throw cursor.wrong(entryOffset, `has the tensor "${tensor.name}" twice`);
    }
    names.add(tensor.name);
    entries.push({ tensor, entryOffset });
  }
  const start = Math.ceil(cursor.offset / alignment) * alignment;
  const placed = entries.map((entry) => place(entry, cursor, { start, alignment }));
  checkOverlaps(placed, cursor);
  return new Map(placed.map(({ tensor }) => [tensor.name, tensor]));
}

/** With an offset that still counts from the start of the data. */
function readTensor(cursor: ByteCursor): GgufTensor {
  const start = cursor.offset;
  const name = cursor.text('the name of a tensor');
  const dimensions = cursor.u32(`the number of dimensions of "${name}"`);
  if (dimensions > MOST_DIMENSIONS) {
    throw cursor.wrong(start, `gives the tensor "${name}" ${dimensions} dimensions`);
  }
  const extents: number[] = [];
  for (let at = 0; at < dimensions; at++) extents.push(cursor.u64(`a dimension of "${name}"`));
  const elements = extents.reduce((product, extent) => product * extent, 1);
  if (!Number.isSafeInteger(elements)) {
    throw cursor.wrong(start, `gives the tensor "${name}" the shape [${extents}], past all bounds`);
  }
  const format = blockFormat(cursor.u32(`the format of "${name}"`));
  const offset = cursor.u64(`the offset of "${name}"`);
  const rowElements = extents[0] ?? 1;
  if (format.blockBytes > 0 && rowElements % format.blockElements !== 0) {
    const detail = `rows of ${rowElements}, no multiple of ${format.name}'s ${format.blockElements}`;
    throw cursor.wrong(start, `gives the tensor "${name}" ${detail}`);
  }
  const bytes = (elements / format.blockElements) * format.blockBytes;
  return { name, shape: extents.reverse(), format, offset, bytes };
}

function place(
  { tensor, entryOffset }: TensorEntry,
  cursor: ByteCursor,
  { start, alignment }: { readonly start: number; readonly alignment: number },
): TensorEntry {
  const { name, bytes } = tensor;
  if (tensor.offset % alignment !== 0) {
    const detail = `at ${tensor.offset}, no multiple of the alignment ${alignment}`;
    throw cursor.wrong(entryOffset, `places the tensor "${name}" ${detail}`);
  }
  const offset = start + tensor.offset;
  if (offset + bytes > cursor.size) {
    throw cursor.truncated(`tensor "${name}" ends at byte ${offset + bytes} of ${cursor.size}`);
  }
  return { tensor: { ...tensor, offset }, entryOffset };
}

/** Two tensors that share bytes betray a damaged table. */
function checkOverlaps(entries: readonly TensorEntry[], cursor: ByteCursor): void {
  const sorted = [...entries].sort((a, b) => a.tensor.offset - b.tensor.offset);
  for (const [at, { tensor, entryOffset }] of sorted.entries()) {
    const before = sorted[at - 1]?.tensor;
    if (before && before.offset + before.bytes > tensor.offset) {
      const detail = `places the tensor "${tensor.name}" over the tensor "${before.name}"`;
      throw cursor.wrong(entryOffset, detail);
    }
  }
}

function accessTo(file: string, metadata: Metadata): Pick<GgufHeader, 'scalar' | 'list'> {
  return {
    scalar: (key) => {
      const value = metadata.get(key);
      return typeof value === 'object' ? undefined : value;
    },
    list: (key) => {
      const value = metadata.get(key);
      return typeof value === 'object' ? readList(file, key, value) : undefined;
    },
  };
}

function readList(file: string, key: string, { kind, count, offset }: ListPlace): GgufScalar[] {
  const descriptor = open(file);
  try {
    const cursor = new ByteCursor(descriptor, file, fstatSync(descriptor).size, offset);
    const items: GgufScalar[] = [];
    for (let at = 0; at < count; at++) items.push(readScalar(cursor, kind, key));
    return items;
  } finally {
    closeSync(descriptor);
  }
}
