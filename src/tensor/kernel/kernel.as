/**
 * The numerical kernels of the wasm backend, in AssemblyScript. They work on the heap of TFJS's own
 * wasm module and own no memory (no static data, no allocator): a caller passes `scratch` where one is
 * needed. All numbers are float32; sizes count elements, strides and pointers count bytes. There is
 * no fused multiply-add, so results are the same on every machine.
 *
 * `tools/build-kernel.mjs` compiles this file into `kernel-bytes.ts`.
 */

/** A register tile, and the blocks that are packed to stay in cache. */
const TILE_ROWS: usize = 4;
const TILE_COLUMNS: usize = 8;
const BLOCK_ROWS: usize = 128;
const BLOCK_DEPTH: usize = 256;
const BLOCK_COLUMNS: usize = 512;

/** Bytes that `multiply` needs at `scratch`: a packed block of each factor and one tile. */
export function multiplyScratch(): usize {
  return 4 * (BLOCK_ROWS * BLOCK_DEPTH + BLOCK_DEPTH * BLOCK_COLUMNS + TILE_ROWS * TILE_COLUMNS);
}

// ---------------------------------------------------------------------------------------------
// Products of matrices

/**
 * c (m × n) = a (m × k) · b (k × n), or that added to c. The factors may have any strides, so that a
 * transposed factor is one with its strides swapped; c's columns are adjacent.
 */
export function multiply(
  m: usize,
  n: usize,
  k: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  bColumn: usize,
  c: usize,
  cRow: usize,
  add: bool,
  scratch: usize,
): void {
  if (m < TILE_ROWS) {
    multiplyFew(m, n, k, a, aRow, aColumn, b, bRow, bColumn, c, cRow, add, scratch);
    return;
  }
  const packedA = scratch;
  const packedB = packedA + 4 * BLOCK_ROWS * BLOCK_DEPTH;
  const tile = packedB + 4 * BLOCK_DEPTH * BLOCK_COLUMNS;
  for (let j: usize = 0; j < n; j += BLOCK_COLUMNS) {
    const columns = min(BLOCK_COLUMNS, n - j);
    for (let p: usize = 0; p < k; p += BLOCK_DEPTH) {
      const depth = min(BLOCK_DEPTH, k - p);
      packColumns(b + p * bRow + j * bColumn, bRow, bColumn, depth, columns, packedB);
      for (let i: usize = 0; i < m; i += BLOCK_ROWS) {
        const rows = min(BLOCK_ROWS, m - i);
        packRows(a + i * aRow + p * aColumn, aRow, aColumn, rows, depth, packedA);
        const target = c + i * cRow + 4 * j;
        multiplyBlock(rows, columns, depth, packedA, packedB, target, cRow, add || p > 0, tile);
      }
    }
  }
}

/**
 * A product of few rows: packing blocks of b would cost more than it saves. Every element is summed in
 * the order of the tiles, block by block, so that a row's result does not depend on how many rows are
 * computed with it.
 */
function multiplyFew(
  m: usize,
  n: usize,
  k: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  bColumn: usize,
  c: usize,
  cRow: usize,
  add: bool,
  scratch: usize,
): void {
  const whole: usize = bColumn == 4 ? n & ~15 : 0;
  for (let p: usize = 0; p < k; p += BLOCK_DEPTH) {
    const depth = min(BLOCK_DEPTH, k - p);
    const from = a + p * aColumn;
    const right = b + p * bRow;
    const more = add || p > 0;
    for (let i: usize = 0; i < m; i++) {
      const row = from + i * aRow;
      for (let j: usize = 0; j < whole; j += 16) {
        multiplyStrip(depth, row, aColumn, right + 4 * j, bRow, c + i * cRow + 4 * j, more);
      }
    }
    for (let j = whole; j < n; j += TILE_COLUMNS) {
      const columns = min(TILE_COLUMNS, n - j);
      packColumns(right + j * bColumn, bRow, bColumn, depth, columns, scratch);
      multiplyPanel(m, columns, depth, from, aRow, aColumn, scratch, c + 4 * j, cRow, more);
    }
  }
}

/** Few rows times one packed panel of b; the space behind a whole panel holds one row's result. */
function multiplyPanel(
  m: usize,
  columns: usize,
  depth: usize,
  a: usize,
  aRow: usize,
  aColumn: usize,
  panel: usize,
  c: usize,
  cRow: usize,
  add: bool,
): void {
  const result = panel + 4 * TILE_COLUMNS * BLOCK_DEPTH;
  for (let i: usize = 0; i < m; i++) {
    const row = a + i * aRow;
    let s = f32x4.splat(0);
    let t = f32x4.splat(0);
    for (let p: usize = 0; p < depth; p++) {
      const x = v128.load_splat<f32>(row + p * aColumn);
      s = f32x4.add(s, f32x4.mul(x, v128.load(panel + 32 * p)));
      t = f32x4.add(t, f32x4.mul(x, v128.load(panel + 32 * p, 16)));
    }
    if (columns == TILE_COLUMNS) {
      storePair(c + i * cRow, s, t, add);
    } else {
      storePair(result, s, t, false);
      copyTile(result, c + i * cRow, cRow, 1, columns, add);
    }
  }
}

/** Sixteen neighbours of one row of the product. */
function multiplyStrip(
  k: usize,
  a: usize,
  aColumn: usize,
  b: usize,
  bRow: usize,
  c: usize,
  add: bool,
): void {
  let s = f32x4.splat(0);
  let t = f32x4.splat(0);
  let u = f32x4.splat(0);
  let v = f32x4.splat(0);
  for (let p: usize = 0; p < k; p++) {
    const x = v128.load_splat<f32>(a);
    s = f32x4.add(s, f32x4.mul(x, v128.load(b)));
    t = f32x4.add(t, f32x4.mul(x, v128.load(b, 16)));
    u = f32x4.add(u, f32x4.mul(x, v128.load(b, 32)));
    v = f32x4.add(v, f32x4.mul(x, v128.load(b, 48)));
    a += aColumn;
    b += bRow;
  }
  storePair(c, s, t, add);
  storePair(c + 32, u, v, add);
}

/** Rearranges rows × depth of a into panels of 4 rows, depth-major, padded with zeros. */
function packRows(a: usize, row: usize, column: usize, rows: usize, depth: usize, to: usize): void {
  for (let i: usize = 0; i < rows; i += TILE_ROWS) {
    const from = a + i * row;
    const present = min(TILE_ROWS, rows - i);
    if (present == TILE_ROWS && column == 4 && (depth & 3) == 0) {
      for (let k: usize = 0; k < depth; k += 4) transposeFour(from + 4 * k, row, to + 16 * k, 16);
    } else if (present == TILE_ROWS && row == 4) {
      for (let k: usize = 0; k < depth; k++) v128.store(to + 16 * k, v128.load(from + k * column));
    } else {
      for (let k: usize = 0; k < depth; k++) {
        packEdge(from + k * column, row, present, TILE_ROWS, to + 16 * k);
      }
    }
    to += 4 * TILE_ROWS * depth;
  }
}

/** Rearranges depth × columns of b into panels of 8 columns, depth-major, padded with zeros. */
function packColumns(
  b: usize,
  row: usize,
  column: usize,
  depth: usize,
  columns: usize,
  to: usize,
): void {
  for (let j: usize = 0; j < columns; j += TILE_COLUMNS) {
    const from = b + j * column;
    const present = min(TILE_COLUMNS, columns - j);
    if (present == TILE_COLUMNS && column == 4) {
      for (let k: usize = 0; k < depth; k++) {
        v128.store(to + 32 * k, v128.load(from + k * row));
        v128.store(to + 32 * k, v128.load(from + k * row, 16), 16);
      }
    } else if (present == TILE_COLUMNS && row == 4 && (depth & 3) == 0) {
      for (let k: usize = 0; k < depth; k += 4) {
        transposeFour(from + 4 * k, column, to + 32 * k, 32);
        transposeFour(from + 4 * k + 4 * column, column, to + 32 * k + 16, 32);
      }
    } else {
      for (let k: usize = 0; k < depth; k++) {
        packEdge(from + k * row, column, present, TILE_COLUMNS, to + 32 * k);
      }
    }
    to += 4 * TILE_COLUMNS * depth;
  }
}

/** Copies `present` strided elements and fills up to `width` with zeros. */
function packEdge(from: usize, stride: usize, present: usize, width: usize, to: usize): void {
  for (let i: usize = 0; i < present; i++) store<f32>(to + 4 * i, load<f32>(from + i * stride));
  for (let i = present; i < width; i++) store<f32>(to + 4 * i, 0);
}

/** Writes the transpose of a 4 × 4 square, rows `stride` apart, to rows `step` apart. */
function transposeFour(from: usize, stride: usize, to: usize, step: usize): void {
  const a = v128.load(from);
  const b = v128.load(from + stride);
  const c = v128.load(from + 2 * stride);
  const d = v128.load(from + 3 * stride);
  const low = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const lower = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const high = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const higher = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low, lower, 0, 1, 4, 5));
  v128.store(to + step, v128.shuffle<f32>(low, lower, 2, 3, 6, 7));
  v128.store(to + 2 * step, v128.shuffle<f32>(high, higher, 0, 1, 4, 5));
  v128.store(to + 3 * step, v128.shuffle<f32>(high, higher, 2, 3, 6, 7));
}

/** All tiles of a packed block; those at its edge go through `tile`. */
function multiplyBlock(
  rows: usize,
  columns: usize,
  depth: usize,
  a: usize,
  b: usize,
  c: usize,
  stride: usize,
  add: bool,
  tile: usize,
): void {
  for (let j: usize = 0; j < columns; j += TILE_COLUMNS) {
    const panel = b + 4 * j * depth;
    for (let i: usize = 0; i < rows; i += TILE_ROWS) {
      const from = a + 4 * i * depth;
      const target = c + i * stride + 4 * j;
      if (i + TILE_ROWS <= rows && j + TILE_COLUMNS <= columns) {
        multiplyTile(depth, from, panel, target, stride, add);
      } else {
        multiplyTile(depth, from, panel, tile, 4 * TILE_COLUMNS, false);
        copyTile(tile, target, stride, min(TILE_ROWS, rows - i), min(TILE_COLUMNS, columns - j), add);
      }
    }
  }
}

function copyTile(
  from: usize,
  to: usize,
  stride: usize,
  rows: usize,
  columns: usize,
  add: bool,
): void {
  for (let i: usize = 0; i < rows; i++) {
    for (let j: usize = 0; j < columns; j++) {
      const target = to + i * stride + 4 * j;
      const value = load<f32>(from + 4 * (i * TILE_COLUMNS + j));
      store<f32>(target, add ? load<f32>(target) + value : value);
    }
  }
}

/** One 4 × 8 tile, held in eight registers over all `depth` steps, from two packed panels. */
function multiplyTile(
  depth: usize,
  a: usize,
  b: usize,
  c: usize,
  stride: usize,
  add: bool,
): void {
  let s0 = f32x4.splat(0);
  let t0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let t1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let t2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  let t3 = f32x4.splat(0);
  const end = a + 16 * depth;
  while (a < end) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    s0 = f32x4.add(s0, f32x4.mul(x, left));
    t0 = f32x4.add(t0, f32x4.mul(x, right));
    x = v128.load_splat<f32>(a, 4);
    s1 = f32x4.add(s1, f32x4.mul(x, left));
    t1 = f32x4.add(t1, f32x4.mul(x, right));
    x = v128.load_splat<f32>(a, 8);
    s2 = f32x4.add(s2, f32x4.mul(x, left));
    t2 = f32x4.add(t2, f32x4.mul(x, right));
    x = v128.load_splat<f32>(a, 12);
    s3 = f32x4.add(s3, f32x4.mul(x, left));
    t3 = f32x4.add(t3, f32x4.mul(x, right));
    a += 16;
    b += 32;
  }
  storePair(c, s0, t0, add);
  storePair(c + stride, s1, t1, add);
  storePair(c + 2 * stride, s2, t2, add);
  storePair(c + 3 * stride, s3, t3, add);
}

// @ts-ignore: decorator
@inline
function storePair(at: usize, left: v128, right: v128, add: bool): void {
  if (add) {
    left = f32x4.add(left, v128.load(at));
    right = f32x4.add(right, v128.load(at, 16));
  }
  v128.store(at, left);
  v128.store(at, right, 16);
}

/** Fills rows × columns at `to` with copies of one row. */
export function repeatRow(row: usize, to: usize, rows: usize, columns: usize): void {
  for (let i: usize = 0; i < rows; i++) memory.copy(to + 4 * i * columns, row, 4 * columns);
}

/** to (columns) = the sum of the rows of from (rows × columns). */
export function sumRows(from: usize, to: usize, rows: usize, columns: usize): void {
  memory.fill(to, 0, 4 * columns);
  for (let i: usize = 0; i < rows; i++) addScaled(to, from + 4 * i * columns, 1, columns);
}

/** to = a + b, element by element. */
export function addAll(a: usize, b: usize, to: usize, count: usize): void {
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(to + 4 * i, f32x4.add(v128.load(a + 4 * i), v128.load(b + 4 * i)));
  }
  for (let i = whole; i < count; i++) {
    store<f32>(to + 4 * i, load<f32>(a + 4 * i) + load<f32>(b + 4 * i));
  }
}

/** to = a · b, element by element. */
export function multiplyAll(a: usize, b: usize, to: usize, count: usize): void {
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(to + 4 * i, f32x4.mul(v128.load(a + 4 * i), v128.load(b + 4 * i)));
  }
  for (let i = whole; i < count; i++) {
    store<f32>(to + 4 * i, load<f32>(a + 4 * i) * load<f32>(b + 4 * i));
  }
}

/** to += factor · from. */
function addScaled(to: usize, from: usize, factor: f32, count: usize): void {
  const factors = f32x4.splat(factor);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const sum = f32x4.add(v128.load(to + 4 * i), f32x4.mul(factors, v128.load(from + 4 * i)));
    v128.store(to + 4 * i, sum);
  }
  for (let i = whole; i < count; i++) {
    store<f32>(to + 4 * i, load<f32>(to + 4 * i) + factor * load<f32>(from + 4 * i));
  }
}

// @ts-ignore: decorator
@inline
function sumLanes(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) +
    f32x4.extract_lane(x, 1) +
    (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  );
}

/** Σ a·b. */
function dot(a: usize, b: usize, count: usize): f32 {
  let sums = f32x4.splat(0);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    sums = f32x4.add(sums, f32x4.mul(v128.load(a + 4 * i), v128.load(b + 4 * i)));
  }
  let sum = sumLanes(sums);
  for (let i = whole; i < count; i++) sum += load<f32>(a + 4 * i) * load<f32>(b + 4 * i);
  return sum;
}

// ---------------------------------------------------------------------------------------------
// Exponentials

/**
 * e^x of four lanes: 2^n · e^r with |r| ≤ ln 2 / 2, e^r by its series; relative error 2e-7. `pmin` and
 * `pmax` are one instruction each, and give a NaN back where it is the first argument.
 */
// @ts-ignore: decorator
@inline
function exponential(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, f32x4.splat(88)), f32x4.splat(-87));
  const n = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  // ln 2 in two parts: the first has few bits, so that its product with n is exact.
  let r = f32x4.sub(x, f32x4.mul(n, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(n, f32x4.splat(0.00021219444)));
  let y = f32x4.splat(1.0 / 5040);
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 720));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 120));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 24));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1.0 / 6));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(0.5));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1));
  y = f32x4.add(f32x4.mul(y, r), f32x4.splat(1));
  // Beside 1.5 · 2^23 the integer n stands in the low bits: quicker than a conversion that saturates.
  const bits = f32x4.add(n, f32x4.splat(12582912));
  const power = i32x4.shl(i32x4.add(bits, i32x4.splat(127)), 23);
  return f32x4.mul(y, power);
}

// @ts-ignore: decorator
@inline
function exponentialOf(x: f32): f32 {
  return f32x4.extract_lane(exponential(f32x4.splat(x)), 0);
}

/** row = e^(scale · (row − its maximum)); returns the sum. */
function powersOf(row: usize, count: usize, scale: f32): f32 {
  const largest = largestOf(row, count);
  const offsets = f32x4.splat(largest);
  const scales = f32x4.splat(scale);
  const whole = count & ~3;
  let sums = f32x4.splat(0);
  for (let i: usize = 0; i < whole; i += 4) {
    const y = exponential(f32x4.mul(scales, f32x4.sub(v128.load(row + 4 * i), offsets)));
    v128.store(row + 4 * i, y);
    sums = f32x4.add(sums, y);
  }
  let sum = sumLanes(sums);
  for (let i = whole; i < count; i++) {
    const y = exponentialOf(scale * (load<f32>(row + 4 * i) - largest));
    store<f32>(row + 4 * i, y);
    sum += y;
  }
  return sum;
}

function largestOf(row: usize, count: usize): f32 {
  let largest = load<f32>(row);
  const whole = count & ~3;
  if (whole > 0) {
    let best = v128.load(row);
    for (let i: usize = 4; i < whole; i += 4) best = f32x4.max(best, v128.load(row + 4 * i));
    largest = max(
      max(f32x4.extract_lane(best, 0), f32x4.extract_lane(best, 1)),
      max(f32x4.extract_lane(best, 2), f32x4.extract_lane(best, 3)),
    );
  }
  for (let i = whole; i < count; i++) largest = max(largest, load<f32>(row + 4 * i));
  return largest;
}

function scaleRow(row: usize, count: usize, factor: f32): void {
  const factors = f32x4.splat(factor);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(row + 4 * i, f32x4.mul(factors, v128.load(row + 4 * i)));
  }
  for (let i = whole; i < count; i++) store<f32>(row + 4 * i, factor * load<f32>(row + 4 * i));
}

// ---------------------------------------------------------------------------------------------
// Element-wise

/** Exact GELU of x, and its derivative unless `slope` is 0. See `gelu.ts` for the polynomial. */
export function gelu(x: usize, to: usize, slope: usize, count: usize): void {
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    geluFour(v128.load(x + 4 * i), to + 4 * i, slope == 0 ? 0 : slope + 4 * i, 4);
  }
  for (let i = whole; i < count; i++) {
    geluFour(f32x4.splat(load<f32>(x + 4 * i)), to + 4 * i, slope == 0 ? 0 : slope + 4 * i, 1);
  }
}

/** Stores four results, or the first one only. */
// @ts-ignore: decorator
@inline
function geluFour(x: v128, to: usize, slope: usize, count: usize): void {
  const one = f32x4.splat(1);
  const bell = exponential(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
  // 0.4 · |x| / √2 in one factor.
  const t = f32x4.div(one, f32x4.add(one, f32x4.mul(f32x4.abs(x), f32x4.splat(0.28284271247))));
  let sum = f32x4.splat(0.06807727172230742);
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(-0.3663086204586818));
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.6308094347959546));
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(-0.3190759331046322));
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.3760585074630907));
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.15100255343993185));
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.2343214082109184));
  sum = f32x4.add(f32x4.mul(sum, t), f32x4.splat(0.22511527717994212));
  const tail = f32x4.mul(f32x4.mul(f32x4.splat(0.5), bell), f32x4.mul(sum, t));
  const below = v128.bitselect(f32x4.sub(one, tail), tail, f32x4.gt(x, f32x4.splat(0)));
  const value = f32x4.mul(x, below);
  const density = f32x4.mul(f32x4.mul(x, bell), f32x4.splat(0.3989422804014327));
  const derivative = f32x4.add(below, density);
  if (count == 4) {
    v128.store(to, value);
    if (slope != 0) v128.store(slope, derivative);
  } else {
    store<f32>(to, f32x4.extract_lane(value, 0));
    if (slope != 0) store<f32>(slope, f32x4.extract_lane(derivative, 0));
  }
}

/** SwiGLU: to (rows × width) from x (rows × 2·width), gate before up. */
export function swiGlu(x: usize, to: usize, rows: usize, width: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    const gate = x + 8 * row * width;
    for (let i: usize = 0; i < width; i++) {
      const g = load<f32>(gate + 4 * i);
      const up = load<f32>(gate + 4 * (width + i));
      store<f32>(to + 4 * (row * width + i), (g / (1 + exponentialOf(-g))) * up);
    }
  }
}

/** Gradient of `swiGlu`: dx (rows × 2·width) from x and dy (rows × width). */
export function swiGluGradient(x: usize, dy: usize, dx: usize, rows: usize, width: usize): void {
  for (let row: usize = 0; row < rows; row++) {
    const at = 8 * row * width;
    for (let i: usize = 0; i < width; i++) {
      const g = load<f32>(x + at + 4 * i);
      const up = load<f32>(x + at + 4 * (width + i));
      const d = load<f32>(dy + 4 * (row * width + i));
      const share: f32 = 1 / (1 + exponentialOf(-g));
      store<f32>(dx + at + 4 * i, d * up * share * (1 + g * (1 - share)));
      store<f32>(dx + at + 4 * (width + i), d * g * share);
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Normalisation

/**
 * Rows of x to `to`; `unit` gets (x − mean) / deviation and `inverse` 1 / deviation a row. A shift of
 * 0 means RMSNorm: no mean, no shift.
 */
export function normalise(
  x: usize,
  scale: usize,
  shift: usize,
  epsilon: f32,
  to: usize,
  unit: usize,
  inverse: usize,
  rows: usize,
  width: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    const at = 4 * row * width;
    const mean: f32 = shift == 0 ? 0 : sumOf(x + at, width) / <f32>width;
    subtract(x + at, mean, unit + at, width);
    const squares = dot(unit + at, unit + at, width);
    const factor: f32 = 1 / sqrt<f32>(squares / <f32>width + epsilon);
    store<f32>(inverse + 4 * row, factor);
    scaleRow(unit + at, width, factor);
    multiplyAll(unit + at, scale, to + at, width);
    if (shift != 0) addAll(to + at, shift, to + at, width);
  }
}

function sumOf(row: usize, count: usize): f32 {
  let sums = f32x4.splat(0);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) sums = f32x4.add(sums, v128.load(row + 4 * i));
  let sum = sumLanes(sums);
  for (let i = whole; i < count; i++) sum += load<f32>(row + 4 * i);
  return sum;
}

function subtract(from: usize, value: f32, to: usize, count: usize): void {
  const values = f32x4.splat(value);
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    v128.store(to + 4 * i, f32x4.sub(v128.load(from + 4 * i), values));
  }
  for (let i = whole; i < count; i++) store<f32>(to + 4 * i, load<f32>(from + 4 * i) - value);
}

/**
 * Gradient of `normalise`. Fills dx; adds to dScale and dShift unless they are 0. `centred` says
 * whether the mean was subtracted.
 */
export function normaliseGradient(
  dy: usize,
  scale: usize,
  unit: usize,
  inverse: usize,
  centred: bool,
  dx: usize,
  dScale: usize,
  dShift: usize,
  rows: usize,
  width: usize,
): void {
  const whole = width & ~3;
  for (let row: usize = 0; row < rows; row++) {
    const at = 4 * row * width;
    multiplyAll(dy + at, scale, dx + at, width);
    const along = dot(dx + at, unit + at, width) / <f32>width;
    const mean: f32 = centred ? sumOf(dx + at, width) / <f32>width : 0;
    const factor = load<f32>(inverse + 4 * row);
    for (let i: usize = 0; i < whole; i += 4) {
      const g = f32x4.sub(v128.load(dx + at + 4 * i), f32x4.splat(mean));
      const u = f32x4.mul(v128.load(unit + at + 4 * i), f32x4.splat(along));
      v128.store(dx + at + 4 * i, f32x4.mul(f32x4.sub(g, u), f32x4.splat(factor)));
    }
    for (let i = whole; i < width; i++) {
      const g = load<f32>(dx + at + 4 * i) - mean;
      const u = load<f32>(unit + at + 4 * i) * along;
      store<f32>(dx + at + 4 * i, (g - u) * factor);
    }
    if (dScale != 0) addProducts(dScale, dy + at, unit + at, width);
    if (dShift != 0) addAll(dShift, dy + at, dShift, width);
  }
}

/** to += a · b, element by element. */
function addProducts(to: usize, a: usize, b: usize, count: usize): void {
  const whole = count & ~3;
  for (let i: usize = 0; i < whole; i += 4) {
    const product = f32x4.mul(v128.load(a + 4 * i), v128.load(b + 4 * i));
    v128.store(to + 4 * i, f32x4.add(v128.load(to + 4 * i), product));
  }
  for (let i = whole; i < count; i++) {
    const product = load<f32>(a + 4 * i) * load<f32>(b + 4 * i);
    store<f32>(to + 4 * i, load<f32>(to + 4 * i) + product);
  }
}

// ---------------------------------------------------------------------------------------------
// Cross-entropy

/**
 * The logits become powers of e, `sums` their sums, and `margins` the largest logit minus that of the
 * target: −log softmax(logits)[target] is margin + log(sum), whose logarithm is left to the caller.
 */
export function softmaxPowers(
  logits: usize,
  targets: usize,
  margins: usize,
  sums: usize,
  rows: usize,
  words: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    const at = logits + 4 * row * words;
    const target = load<u32>(targets + 4 * row);
    store<f32>(margins + 4 * row, largestOf(at, words) - load<f32>(at + 4 * target));
    store<f32>(sums + 4 * row, powersOf(at, words, 1));
  }
}

/** Turns the powers that `softmaxPowers` left into factor · (softmax − onehot(target)). */
export function softmaxSlopes(
  powers: usize,
  targets: usize,
  sums: usize,
  factor: f32,
  rows: usize,
  words: usize,
): void {
  for (let row: usize = 0; row < rows; row++) {
    const at = powers + 4 * row * words;
    scaleRow(at, words, factor / load<f32>(sums + 4 * row));
    const target = at + 4 * load<u32>(targets + 4 * row);
    store<f32>(target, load<f32>(target) - factor);
  }
}

// ---------------------------------------------------------------------------------------------
// Cross-entropy through a frozen head, without ever holding a row's logits: a few words at a time, with
// a running maximum and sum (online softmax). The table of words is read where it lies.

/** Rows that pass the table together, and rows of a panel. */
const HEAD_ROWS: usize = 256;
const PANEL_ROWS: usize = 8;
/** Below every finite logit. */
const LOWEST: f32 = -3.4e38;
/** From so many panels on, rearranging a part of the table pays for the gradient. */
const PACKING_PANELS: usize = 4;

/** Words at a time, a multiple of 4: their rows of the table stay in the second cache. */
function headChunk(width: usize): usize {
  return max<usize>(16, min<usize>(256, (65536 / width) & ~3));
}

/** Bytes that `headLosses` needs at `scratch`. */
export function headScratch(rows: usize, width: usize): usize {
  const padded = (min(rows, HEAD_ROWS) + PANEL_ROWS - 1) & ~(PANEL_ROWS - 1);
  const wide = (width + 7) & ~7;
  const chunk = headChunk(width);
  return 4 * (padded * width + padded * wide + chunk * wide + chunk * PANEL_ROWS + 3 * padded);
}

/**
 * For each row of x (rows × width), with logits x · tableᵀ (table: words × width): its largest logit
 * minus the target's to `margins`, and the sum of e^(logit − largest) to `sums`. Unless dx is 0, also
 * the gradient of factor · −log softmax(logits)[target]. A row's results do not depend on the others.
 */
export function headLosses(
  x: usize,
  rows: usize,
  width: usize,
  table: usize,
  words: usize,
  targets: usize,
  factor: f32,
  margins: usize,
  sums: usize,
  dx: usize,
  scratch: usize,
): void {
  for (let first: usize = 0; first < rows; first += HEAD_ROWS) {
    const count = min(HEAD_ROWS, rows - first);
    const at = 4 * first;
    const gradient = dx == 0 ? 0 : dx + at * width;
    headGroup(
      x + at * width, count, width, table, words, targets + at, factor,
      margins + at, sums + at, gradient, scratch,
    );
  }
}

function headGroup(
  x: usize,
  rows: usize,
  width: usize,
  table: usize,
  words: usize,
  targets: usize,
  factor: f32,
  margins: usize,
  sums: usize,
  dx: usize,
  scratch: usize,
): void {
  const padded = (rows + PANEL_ROWS - 1) & ~(PANEL_ROWS - 1);
  const wide = (width + 7) & ~7;
  const chunk = headChunk(width);
  const packed = scratch;
  const mixed = packed + 4 * padded * width;
  const part = mixed + 4 * padded * wide;
  const powers = part + 4 * chunk * wide;
  const largest = powers + 4 * chunk * PANEL_ROWS;
  const totals = largest + 4 * padded;
  const chosen = totals + 4 * padded;
  const tableRow = 4 * width;
  packColumns(x, 4, tableRow, width, rows, packed);
  memory.fill(mixed, 0, 4 * padded * wide);
  memory.fill(totals, 0, 8 * padded);
  for (let row: usize = 0; row < padded; row++) store<f32>(largest + 4 * row, LOWEST);
  const packs = dx != 0 && (padded >= PACKING_PANELS * PANEL_ROWS || wide != width);
  for (let first: usize = 0; first < words; first += chunk) {
    const count = min(chunk, words - first);
    const from = table + first * tableRow;
    if (packs) packColumns(from, tableRow, 4, count, width, part);
    for (let row: usize = 0; row < padded; row += PANEL_ROWS) {
      const at = 4 * row;
      headLogits(from, count, width, packed + at * width, powers);
      const present = min(PANEL_ROWS, rows - row);
      pickTargets(powers, targets + at, present, first, count, chosen + at);
      const out = dx == 0 ? 0 : mixed + at * wide;
      panelPowers(powers, count, largest + at, totals + at, out, wide);
      if (dx != 0) {
        for (let c: usize = 0; c < wide; c += 8) {
          const right = packs ? part + 4 * c * count : from + 4 * c;
          const stride: usize = packs ? 32 : tableRow;
          addPanelTile(count, powers, right, stride, out + 4 * c, 4 * wide);
          addPanelTile(count, powers + 16, right, stride, out + 16 * wide + 4 * c, 4 * wide);
        }
      }
    }
  }
  for (let row: usize = 0; row < rows; row++) {
    const at = 4 * row;
    const total = load<f32>(totals + at);
    store<f32>(margins + at, load<f32>(largest + at) - load<f32>(chosen + at));
    store<f32>(sums + at, total);
    if (dx != 0) {
      const to = dx + at * width;
      const word = table + load<u32>(targets + at) * tableRow;
      memory.fill(to, 0, tableRow);
      addScaled(to, mixed + at * wide, factor / total, width);
      addScaled(to, word, -factor, width);
    }
  }
}

/** Logits of `count` words for a packed panel of rows: (count, 8), words beyond the last left alone. */
function headLogits(table: usize, count: usize, width: usize, panel: usize, to: usize): void {
  const row = 4 * width;
  const last = count - 1;
  for (let v: usize = 0; v < count; v += 4) {
    const a = table + v * row;
    const b = table + min(v + 1, last) * row;
    const c = table + min(v + 2, last) * row;
    const d = table + min(v + 3, last) * row;
    dotTile(width, a, b, c, d, panel, to + 32 * v);
  }
}

/** Four rows times a packed panel of eight: a 4 × 8 tile whose rows are 32 bytes apart. */
function dotTile(
  depth: usize,
  a: usize,
  b: usize,
  c: usize,
  d: usize,
  panel: usize,
  to: usize,
): void {
  let s0 = f32x4.splat(0);
  let t0 = f32x4.splat(0);
  let s1 = f32x4.splat(0);
  let t1 = f32x4.splat(0);
  let s2 = f32x4.splat(0);
  let t2 = f32x4.splat(0);
  let s3 = f32x4.splat(0);
  let t3 = f32x4.splat(0);
  const end = panel + 32 * depth;
  while (panel < end) {
    const left = v128.load(panel);
    const right = v128.load(panel, 16);
    let x = v128.load_splat<f32>(a);
    s0 = f32x4.add(s0, f32x4.mul(x, left));
    t0 = f32x4.add(t0, f32x4.mul(x, right));
    x = v128.load_splat<f32>(b);
    s1 = f32x4.add(s1, f32x4.mul(x, left));
    t1 = f32x4.add(t1, f32x4.mul(x, right));
    x = v128.load_splat<f32>(c);
    s2 = f32x4.add(s2, f32x4.mul(x, left));
    t2 = f32x4.add(t2, f32x4.mul(x, right));
    x = v128.load_splat<f32>(d);
    s3 = f32x4.add(s3, f32x4.mul(x, left));
    t3 = f32x4.add(t3, f32x4.mul(x, right));
    a += 4;
    b += 4;
    c += 4;
    d += 4;
    panel += 32;
  }
  storePair(to, s0, t0, false);
  storePair(to + 32, s1, t1, false);
  storePair(to + 64, s2, t2, false);
  storePair(to + 96, s3, t3, false);
}

/** Notes the logits of the targets that are among these words. */
function pickTargets(
  logits: usize,
  targets: usize,
  rows: usize,
  first: usize,
  count: usize,
  to: usize,
): void {
  for (let i: usize = 0; i < rows; i++) {
    const word = <usize>load<u32>(targets + 4 * i);
    if (word >= first && word < first + count) {
      store<f32>(to + 4 * i, load<f32>(logits + 32 * (word - first) + 4 * i));
    }
  }
}

/**
 * One panel's logits (count, 8) become e^(logit − largest so far); sums, and what was mixed with
 * earlier powers, are brought to the new largest first.
 */
function panelPowers(
  logits: usize,
  count: usize,
  largest: usize,
  totals: usize,
  mixed: usize,
  width: usize,
): void {
  const end = logits + 32 * count;
  const oldLeft = v128.load(largest);
  const oldRight = v128.load(largest, 16);
  let left = oldLeft;
  let right = oldRight;
  for (let at = logits; at < end; at += 32) {
    // A logit that is no number shows in the sum of the powers.
    left = f32x4.pmax(left, v128.load(at));
    right = f32x4.pmax(right, v128.load(at, 16));
  }
  let sumLeft = v128.load(totals);
  let sumRight = v128.load(totals, 16);
  if (v128.any_true(v128.or(f32x4.ne(left, oldLeft), f32x4.ne(right, oldRight)))) {
    v128.store(largest, exponential(f32x4.sub(oldLeft, left)));
    v128.store(largest, exponential(f32x4.sub(oldRight, right)), 16);
    sumLeft = f32x4.mul(sumLeft, v128.load(largest));
    sumRight = f32x4.mul(sumRight, v128.load(largest, 16));
    if (mixed != 0) {
      for (let i: usize = 0; i < PANEL_ROWS; i++) {
        scaleRow(mixed + 4 * i * width, width, load<f32>(largest + 4 * i));
      }
    }
    v128.store(largest, left);
    v128.store(largest, right, 16);
  }
  for (let at = logits; at < end; at += 32) {
    const a = exponential(f32x4.sub(v128.load(at), left));
    const b = exponential(f32x4.sub(v128.load(at, 16), right));
    v128.store(at, a);
    v128.store(at, b, 16);
    sumLeft = f32x4.add(sumLeft, a);
    sumRight = f32x4.add(sumRight, b);
  }
  v128.store(totals, sumLeft);
  v128.store(totals, sumRight, 16);
}

/** Adds to a 4 × 8 tile of c the product of powers (depth, 4 of 8 rows) and b (depth, 8). */
function addPanelTile(
  depth: usize,
  a: usize,
  b: usize,
  bRow: usize,
  c: usize,
  stride: usize,
): void {
  let s0 = v128.load(c);
  let t0 = v128.load(c, 16);
  let s1 = v128.load(c + stride);
  let t1 = v128.load(c + stride, 16);
  let s2 = v128.load(c + 2 * stride);
  let t2 = v128.load(c + 2 * stride, 16);
  let s3 = v128.load(c + 3 * stride);
  let t3 = v128.load(c + 3 * stride, 16);
  const end = a + 32 * depth;
  while (a < end) {
    const left = v128.load(b);
    const right = v128.load(b, 16);
    let x = v128.load_splat<f32>(a);
    s0 = f32x4.add(s0, f32x4.mul(x, left));
    t0 = f32x4.add(t0, f32x4.mul(x, right));
    x = v128.load_splat<f32>(a, 4);
    s1 = f32x4.add(s1, f32x4.mul(x, left));
    t1 = f32x4.add(t1, f32x4.mul(x, right));
    x = v128.load_splat<f32>(a, 8);
    s2 = f32x4.add(s2, f32x4.mul(x, left));
    t2 = f32x4.add(t2, f32x4.mul(x, right));
    x = v128.load_splat<f32>(a, 12);
    s3 = f32x4.add(s3, f32x4.mul(x, left));
    t3 = f32x4.add(t3, f32x4.mul(x, right));
    a += 32;
    b += bRow;
  }
  storePair(c, s0, t0, false);
  storePair(c + stride, s1, t1, false);
  storePair(c + 2 * stride, s2, t2, false);
  storePair(c + 3 * stride, s3, t3, false);
}

// ---------------------------------------------------------------------------------------------
// Attention. See `attention.ts` for the layout; all rows are already rotated.

/** Rows of queries that share one product: future keys are computed for fewer than these. */
const QUERY_BLOCK: usize = 64;

/** Bytes that the two kernels need at `scratch`. */
export function attentionScratch(keys: usize): usize {
  return multiplyScratch() + 4 * QUERY_BLOCK * keys;
}

/**
 * Pairs of a text and a key head, numbers `from` … `to`: independent of each other, so that threads
 * can share them. `weights` is (batch · heads · length, past + length).
 */
export function attend(
  from: usize,
  to: usize,
  qkv: usize,
  pastKeys: usize,
  pastValues: usize,
  past: usize,
  length: usize,
  heads: usize,
  kvHeads: usize,
  size: usize,
  scale: f32,
  weights: usize,
  out: usize,
  scratch: usize,
): void {
  const group = heads / kvHeads;
  for (let pair = from; pair < to; pair++) {
    for (let g: usize = 0; g < group; g++) {
      const text = pair / kvHeads;
      const keyHead = pair % kvHeads;
      const head = keyHead * group + g;
      for (let first: usize = 0; first < length; first += QUERY_BLOCK) {
        attendBlock(
          qkv, pastKeys, pastValues, past, length, heads, kvHeads, size, scale,
          weights, out, scratch, text, keyHead, head, first,
        );
      }
    }
  }
}

function attendBlock(
  qkv: usize,
  pastKeys: usize,
  pastValues: usize,
  past: usize,
  length: usize,
  heads: usize,
  kvHeads: usize,
  size: usize,
  scale: f32,
  weights: usize,
  out: usize,
  scratch: usize,
  text: usize,
  keyHead: usize,
  head: usize,
  first: usize,
): void {
  const row = 4 * (heads + 2 * kvHeads) * size;
  const start = qkv + text * length * row;
  const keys = start + 4 * (heads + keyHead) * size;
  const values = keys + 4 * kvHeads * size;
  const queries = start + first * row + 4 * head * size;
  const rows = min(QUERY_BLOCK, length - first);
  const seen = first + rows;
  const weightRow = 4 * (past + length);
  const block = weights + ((text * heads + head) * length + first) * weightRow;
  const own = block + 4 * past;
  const pastRow = 4 * kvHeads * size;
  const pastHead = 4 * keyHead * size;
  const outRow = 4 * heads * size;
  const target = out + (text * length + first) * outRow + 4 * head * size;
  if (past > 0) {
    multiply(rows, past, size, queries, row, 4, pastKeys + pastHead, 4, pastRow, block, weightRow, false, scratch);
  }
  multiply(rows, seen, size, queries, row, 4, keys, 4, row, own, weightRow, false, scratch);
  for (let i: usize = 0; i < rows; i++) {
    const count = past + first + i + 1;
    const at = block + i * weightRow;
    const sum = powersOf(at, count, scale);
    scaleRow(at, count, 1 / sum);
    memory.fill(at + 4 * count, 0, weightRow - 4 * count);
  }
  multiply(rows, size, seen, own, weightRow, 4, values, row, 4, target, outRow, false, scratch);
  if (past > 0) {
    multiply(rows, size, past, block, weightRow, 4, pastValues + pastHead, pastRow, 4, target, outRow, true, scratch);
  }
}

/** Gradient of `attend`: adds to dqkv, which starts as zeros, from dy (batch · length, heads · size). */
export function attendGradient(
  from: usize,
  to: usize,
  qkv: usize,
  pastKeys: usize,
  pastValues: usize,
  past: usize,
  length: usize,
  heads: usize,
  kvHeads: usize,
  size: usize,
  scale: f32,
  weights: usize,
  dy: usize,
  dqkv: usize,
  scratch: usize,
): void {
  const group = heads / kvHeads;
  for (let pair = from; pair < to; pair++) {
    for (let g: usize = 0; g < group; g++) {
      const text = pair / kvHeads;
      const keyHead = pair % kvHeads;
      const head = keyHead * group + g;
      for (let first: usize = 0; first < length; first += QUERY_BLOCK) {
        gradientBlock(
          qkv, pastKeys, pastValues, past, length, heads, kvHeads, size, scale,
          weights, dy, dqkv, scratch, text, keyHead, head, first,
        );
      }
    }
  }
}

function gradientBlock(
  qkv: usize,
  pastKeys: usize,
  pastValues: usize,
  past: usize,
  length: usize,
  heads: usize,
  kvHeads: usize,
  size: usize,
  scale: f32,
  weights: usize,
  dy: usize,
  dqkv: usize,
  scratch: usize,
  text: usize,
  keyHead: usize,
  head: usize,
  first: usize,
): void {
  const row = 4 * (heads + 2 * kvHeads) * size;
  const start = text * length * row;
  const keys = start + 4 * (heads + keyHead) * size;
  const values = keys + 4 * kvHeads * size;
  const queries = start + first * row + 4 * head * size;
  const rows = min(QUERY_BLOCK, length - first);
  const seen = first + rows;
  const weightRow = 4 * (past + length);
  const block = weights + ((text * heads + head) * length + first) * weightRow;
  const own = block + 4 * past;
  const pastRow = 4 * kvHeads * size;
  const pastHead = 4 * keyHead * size;
  const outRow = 4 * heads * size;
  const slope = dy + (text * length + first) * outRow + 4 * head * size;
  const scores = scratch + multiplyScratch();
  const ownScores = scores + 4 * past;
  if (past > 0) {
    multiply(rows, past, size, slope, outRow, 4, pastValues + pastHead, 4, pastRow, scores, weightRow, false, scratch);
  }
  multiply(rows, seen, size, slope, outRow, 4, qkv + values, 4, row, ownScores, weightRow, false, scratch);
  for (let i: usize = 0; i < rows; i++) {
    const at = i * weightRow;
    scoreSlopes(scores + at, block + at, past + seen, scale);
  }
  if (past > 0) {
    multiply(rows, size, past, scores, weightRow, 4, pastKeys + pastHead, pastRow, 4, dqkv + queries, row, true, scratch);
  }
  multiply(rows, size, seen, ownScores, weightRow, 4, qkv + keys, row, 4, dqkv + queries, row, true, scratch);
  multiply(seen, size, rows, ownScores, 4, weightRow, qkv + queries, row, 4, dqkv + keys, row, true, scratch);
  multiply(seen, size, rows, own, 4, weightRow, slope, outRow, 4, dqkv + values, row, true, scratch);
}

/** row = weights · (row − Σ weights·row) · scale: the gradient through one row's softmax. */
function scoreSlopes(row: usize, weights: usize, count: usize, scale: f32): void {
  subtract(row, dot(row, weights, count), row, count);
  multiplyAll(row, weights, row, count);
  scaleRow(row, count, scale);
}
