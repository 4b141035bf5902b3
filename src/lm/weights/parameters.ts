/**
 * Puts a checkpoint's tensors on the backend in the layout that the operations want, and brings them
 * back: matrices transposed to (in, out), several projections side by side in one matrix, the rows of
 * each in an order of our own. Knows the names it is told and no model.
 */
import {
  engine,
  memory,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tensor2d,
  type Variable,
  variable,
} from '@tensorflow/tfjs-core';
import { allocateFloats, onHost, viewFloats } from '../../tensor/host.ts';
import type { Linear } from '../../tensor/linear.ts';
import { transposeFloats } from '../../tensor/matrix-product.ts';
import { largestTensor } from '../../tensor/tensor-limit.ts';
import { partWords, type WordTable } from '../../tensor/word-table.ts';
import { ModelFileError } from '../model-file-error.ts';
import type { WeightSource } from './safetensors.ts';

/** One tensor on the backend and where it comes from. */
export interface Parameter {
  /** The checkpoint's tensors whose rows it holds, one after the other. */
  readonly names: readonly string[];
  /** How many rows each of them has. */
  readonly rows: readonly number[];
  /** `matrix`: transposed; `table`, `vector`: as in the checkpoint. */
  readonly kind: 'matrix' | 'table' | 'vector';
  /** `order[i]` is the checkpoint's row that is our row i. */
  readonly order?: Int32Array;
  /** Of a table in several parts: the checkpoint's row that is the first of this one. */
  readonly firstRow?: number;
  readonly tensor: Tensor;
}

/** Differs from that of every other parameter of a model. */
export function parameterName({ names, firstRow }: Parameter): string {
  return names.join('+') + (firstRow === undefined ? '' : `@${firstRow}`);
}

export interface LinearSource {
  readonly weights: readonly string[];
  readonly biases?: readonly string[];
  /** Columns of every weight. */
  readonly inputs: number;
  /** Rows of each weight. */
  readonly outputs: readonly number[];
  readonly order?: Int32Array;
}

/**
 * The wasm heap ends at 4 GiB and TFJS does not notice when it overflows; some is needed for
 * activations.
 */
const TENSOR_LIMIT_BYTES = 3.5 * 2 ** 30;

export class ParameterLoader {
  readonly parameters: Parameter[] = [];
  readonly source: WeightSource;
  readonly folder: string;
  readonly trainable: boolean;

  constructor(folder: string, source: WeightSource, trainable: boolean) {
    this.folder = folder;
    this.source = source;
    this.trainable = trainable;
  }

  linear(from: LinearSource): Linear {
    const { weights, biases, outputs, order } = from;
    const total = outputs.reduce((sum, rows) => sum + rows, 0);
    const weight = this.putMatrix(from, total);
    const shared = order ? { order, rows: outputs } : { rows: outputs };
    this.parameters.push({ names: weights, kind: 'matrix', tensor: weight, ...shared });
    const map: Linear = { weight, trainable: this.trainable };
    if (!biases) return map;
    const bias = this.put<Tensor1D>(this.readRows(biases, outputs, 1, order), [total]);
    this.parameters.push({ names: biases, kind: 'vector', tensor: bias, ...shared });
    return { ...map, bias };
  }

  vector(name: string, size: number): Tensor1D {
    const tensor = this.put<Tensor1D>(this.readShaped(name, [size]), [size]);
    this.parameters.push({ names: [name], rows: [size], kind: 'vector', tensor });
    return tensor;
  }

  /** In as many parts as the device's buffers ask for. */
  words(name: string, words: number, width: number): WordTable {
    const values = this.readShaped(name, [words, width]);
    const counts = partWords(words, width);
    let firstRow = 0;
    const parts = counts.map((rows) => {
      const part = values.subarray(firstRow * width, (firstRow + rows) * width);
      const tensor = this.put<Tensor2D>(part, [rows, width]);
      const place = counts.length > 1 ? { firstRow } : {};
      this.parameters.push({ names: [name], rows: [rows], kind: 'table', tensor, ...place });
      firstRow += rows;
      return tensor;
    });
    return { parts, trainable: this.trainable };
  }

  /** Reads a tensor, checks its shape and that it holds numbers; nothing is put on the backend. */
  readShaped(name: string, shape: readonly number[]): Float32Array {
    const found = this.source.shape(name);
    if (found.join() !== shape.join()) {
      const message = `tensor "${name}" is [${found}], but config.json asks for [${shape}]`;
      throw new ModelFileError(message, this.source.fileOf(name));
    }
    const values = this.source.read(name);
    requireFinite(values, name, this.source);
    return values;
  }

  dispose(): void {
    for (const { tensor } of this.parameters) tensor.dispose();
  }

  private readRows(
    names: readonly string[],
    counts: readonly number[],
    width: number,
    order: Int32Array | undefined,
  ): Float32Array {
    const parts = names.map((name, i) => this.readShaped(name, shapeOf(counts[i]!, width)));
    const joined = parts.length === 1 ? parts[0]! : joinFloats(parts);
    return order ? pickRows(joined, width, order) : joined;
  }

  /**
   * The transposed weights, side by side. Each is written where it belongs as soon as it is read: of a
   * large block, a second and a third copy would not fit beside the first.
   */
  private putMatrix({ weights, inputs, outputs, order }: LinearSource, total: number): Tensor2D {
    checkBudget(4 * inputs * total, this.folder);
    const places = order ? inverseOf(order) : Int32Array.from({ length: total }, (_, row) => row);
    const onBackend = onHost() ? allocateFloats<Tensor2D>([inputs, total]) : undefined;
    const data = onBackend ? undefined : new Float32Array(inputs * total);
    let first = 0;
    try {
      weights.forEach((name, part) => {
        const rows = outputs[part]!;
        const values = this.readShaped(name, [rows, inputs]);
        const to = onBackend ? viewFloats(onBackend) : data!;
        placeColumns(values, to, { inputs, total, places: places.subarray(first, first + rows) });
        first += rows;
      });
    } catch (error) {
      onBackend?.dispose();
      throw error;
    }
    return this.own<Tensor2D>(onBackend ?? tensor2d(data!, [inputs, total]));
  }

  private put<T extends Tensor>(data: Float32Array, shape: number[]): T {
    checkBudget(data.byteLength, this.folder);
    return this.own<T>(
      shape.length === 1 ? tensor1d(data) : tensor2d(data, shape as [number, number]),
    );
  }

  private own<T extends Tensor>(tensor: Tensor): T {
    if (!this.trainable) return tensor as T;
    const result: Variable = variable(tensor, true);
    tensor.dispose();
    return result as Tensor as T;
  }
}

/** One NaN makes every logit NaN, far from where it lies. */
function requireFinite(values: Float32Array, name: string, source: WeightSource): void {
  for (let i = 0; i < values.length; i++) {
    if (values[i]! - values[i]! === 0) continue; // neither NaN nor infinite; faster than isFinite
    const message = `tensor "${name}" holds ${values[i]} (element ${i} of ${values.length})`;
    throw new ModelFileError(message, source.fileOf(name), 'the checkpoint is damaged');
  }
}

function checkBudget(bytes: number, folder: string): void {
  if (bytes > largestTensor()) {
    const [needed, most] = [bytes, largestTensor()].map((size) => Math.ceil(size / 2 ** 20));
    throw new ModelFileError(
      `has a matrix of ${needed} MiB, but this device takes ${most} MiB in one piece at most`,
      folder,
      'PIPE_BACKEND=wasm computes in the memory of this process',
    );
  }
  if (engine().backendName !== 'wasm') return;
  const total = memory().numBytes + bytes;
  if (total <= TENSOR_LIMIT_BYTES) return;
  throw new ModelFileError(
    `needs ${(total / 2 ** 30).toFixed(1)} GiB of tensors at once, more than this backend can hold`,
    folder,
    'compute fewer blocks at a time, or take a backend with a GPU',
  );
}

/** Writes row r of `from` (rows, inputs) as column `places[r]` of `to` (inputs, total), tile by tile. */
function placeColumns(
  from: Float32Array,
  to: Float32Array,
  { inputs, total, places }: { inputs: number; total: number; places: Int32Array },
): void {
  const tile = 16;
  for (let top = 0; top < places.length; top += tile) {
    const bottom = Math.min(top + tile, places.length);
    for (let left = 0; left < inputs; left += tile) {
      const right = Math.min(left + tile, inputs);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          to[column * total + places[row]!] = from[row * inputs + column]!;
        }
      }
    }
  }
}

/** A bias is a column of rows of width 1 in our reading, and a vector in the checkpoint. */
function shapeOf(rows: number, width: number): number[] {
  return width === 1 ? [rows] : [rows, width];
}

function joinFloats(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}

function pickRows(values: Float32Array, width: number, order: Int32Array): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < order.length; row++) {
    const from = order[row]! * width;
    result.set(values.subarray(from, from + width), row * width);
  }
  return result;
}

/** A tensor in the checkpoint's own layout. */
export interface CheckpointTensor {
  readonly name: string;
  readonly shape: number[];
  readonly data: Float32Array;
}

/** The checkpoint's tensors that parameters hold, from their values now or from those that `read` gives instead. */
export async function exportParameters(
  parameters: readonly Parameter[],
  read: (parameter: Parameter) => Tensor = ({ tensor }) => tensor,
): Promise<CheckpointTensor[]> {
  const parts = await Promise.all(parameters.map((each) => exportParameter(each, read(each))));
  const byName = new Map<string, CheckpointTensor>();
  for (const part of parts.flat()) {
    const above = byName.get(part.name);
    byName.set(part.name, above ? joinRows(above, part) : part);
  }
  return [...byName.values()];
}

/** Two parts of one table. */
function joinRows(above: CheckpointTensor, below: CheckpointTensor): CheckpointTensor {
  const [first, width] = above.shape;
  const shape = [first! + below.shape[0]!, width!];
  return { name: above.name, shape, data: joinFloats([above.data, below.data]) };
}

async function exportParameter(parameter: Parameter, tensor: Tensor): Promise<CheckpointTensor[]> {
  const { names, rows, kind, order } = parameter;
  const data = (await tensor.data()) as Float32Array;
  const total = rows.reduce((sum, count) => sum + count, 0);
  const width = data.length / total;
  const plain = kind === 'matrix' ? transposedCopy(data, width, total) : data;
  const sorted = order ? pickRows(plain, width, inverseOf(order)) : plain;
  let start = 0;
  return names.map((name, i) => {
    const end = start + rows[i]! * width;
    const part = sorted.slice(start, end);
    start = end;
    return { name, shape: kind === 'vector' ? [rows[i]!] : [rows[i]!, width], data: part };
  });
}

function transposedCopy(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  transposeFloats(values, result, rows, columns);
  return result;
}

function inverseOf(order: Int32Array): Int32Array {
  const result = new Int32Array(order.length);
  for (let i = 0; i < order.length; i++) result[order[i]!] = i;
  return result;
}
