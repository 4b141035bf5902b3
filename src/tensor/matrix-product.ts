/**
 * Products of matrices with either factor transposed. TFJS's wasm kernel runs a scalar loop as soon as
 * a factor is flagged as transposed, so on wasm our own kernel does them all. Records no gradients.
 */
import { add, matMul, sum, type Tensor1D, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { allocateFloats } from './host.ts';
import { type Simd, simd, splitRange } from './kernel/simd.ts';

export interface ProductOptions {
  /** Multiplies with `aᵀ`. */
  readonly flipA?: boolean;
  /** Multiplies with `bᵀ`. */
  readonly flipB?: boolean;
  /** Added to every row of the product. */
  readonly bias?: Tensor1D | undefined;
}

/** `a · b` (or with a factor transposed), 2-D. */
export function product(a: Tensor2D, b: Tensor2D, options: ProductOptions = {}): Tensor2D {
  const kernels = simd();
  if (kernels) return simdProduct(kernels, a, b, options);
  const { flipA = false, flipB = false, bias } = options;
  return tidy(() => {
    const result = matMul(a, b, flipA, flipB) as Tensor2D;
    return bias ? (add(result, bias) as Tensor2D) : result;
  });
}

function simdProduct(
  { kernels, run, address, scratch, threads }: Simd,
  a: Tensor2D,
  b: Tensor2D,
  { flipA = false, flipB = false, bias }: ProductOptions,
): Tensor2D {
  const [rows, depth] = flipA ? [a.shape[1], a.shape[0]] : a.shape;
  const [inner, columns] = flipB ? [b.shape[1], b.shape[0]] : b.shape;
  if (inner !== depth) throw new Error(`no product of [${a.shape}] and [${b.shape}]`);
  const result = allocateFloats<Tensor2D>([rows, columns]);
  const working = scratch(kernels.multiplyScratch());
  const [left, right, to] = [address(a), address(b), address(result)];
  if (bias) kernels.repeatRow(address(bias), to, rows, columns);
  const [aRow, aColumn] = flipA ? [4, 4 * rows] : [4 * depth, 4];
  const [bRow, bColumn] = flipB ? [4, 4 * depth] : [4 * columns, 4];
  // The longer side is cut; a cut between columns is on a tile's edge.
  const byRows = rows >= columns;
  const calls = splitRange(byRows ? rows : columns, threads, 8).map(([from, to_], thread) => {
    const [m, n] = byRows ? [to_ - from, columns] : [rows, to_ - from];
    const [aStart, bStart] = byRows ? [left + from * aRow, right] : [left, right + from * bColumn];
    const start = to + (byRows ? from * 4 * columns : from * 4);
    const product = [m, n, depth, aStart, aRow, aColumn, bStart, bRow, bColumn];
    return [...product, start, 4 * columns, bias ? 1 : 0, working[thread]!];
  });
  run('multiply', calls);
  return result;
}

/** Writes the transpose of `from` (rows × columns) to `to`, tile by tile so that both stay in cache. */
export function transposeFloats(
  from: Float32Array,
  to: Float32Array,
  rows: number,
  columns: number,
): void {
  const tile = 16;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(left + tile, columns);
      for (let row = top; row < bottom; row++) {
        for (let column = left; column < right; column++) {
          to[column * rows + row] = from[row * columns + column]!;
        }
      }
    }
  }
}

/** Sums over the rows of x (N, C): (C). */
export function sumRows(x: Tensor2D): Tensor1D {
  const kernels = simd();
  if (!kernels) return sum(x, 0);
  const [rows, columns] = x.shape;
  const result = allocateFloats<Tensor1D>([columns]);
  kernels.kernels.sumRows(kernels.address(x), kernels.address(result), rows, columns);
  return result;
}
