/**
 * Small matrix products in plain loops, for one head of attention. Operands are float64 and padded
 * (rows to an even number, columns to a multiple of four), so that every inner loop keeps a tile of
 * 2 × 4 sums in registers: some five times as fast as one dot product after the other.
 *
 * Knows nothing of attention; `reach` and `first` say which part of a matrix can be other than zero.
 */

/** A row-major matrix with `width` floats a row, a multiple of four. */
export interface Padded {
  readonly values: Float64Array;
  readonly width: number;
}

/** A zero matrix with room for `rows` × `columns`. */
export function padded(rows: number, columns: number): Padded {
  const width = Math.ceil(columns / 4) * 4;
  // Four spare rows: tiles of keys may reach past the last one.
  return { values: new Float64Array((rows + 4) * width), width };
}

/**
 * `out[t, s] = Σ a[t, k] · b[s, k]` for t < rows and s < reach(t) at least; what lies beyond is
 * overwritten with sums that mean nothing.
 */
export function multiplyByRows(
  out: Padded,
  a: Padded,
  b: Padded,
  rows: number,
  reach: (row: number) => number,
): void {
  const [o, x, y] = [out.values, a.values, b.values];
  const inner = a.width;
  for (let t = 0; t < rows; t += 2) {
    const end = reach(Math.min(t + 1, rows - 1));
    for (let s = 0; s < end; s += 4) {
      let [p, q, r, u, v, w, z, e] = [0, 0, 0, 0, 0, 0, 0, 0];
      let left = t * inner;
      let right = s * inner;
      for (let k = 0; k < inner; k++, left++, right++) {
        const a0 = x[left]!;
        const a1 = x[left + inner]!;
        const b0 = y[right]!;
        const b1 = y[right + inner]!;
        const b2 = y[right + 2 * inner]!;
        const b3 = y[right + 3 * inner]!;
        p += a0 * b0;
        q += a0 * b1;
        r += a0 * b2;
        u += a0 * b3;
        v += a1 * b0;
        w += a1 * b1;
        z += a1 * b2;
        e += a1 * b3;
      }
      const at = t * out.width + s;
      o[at] = p;
      o[at + 1] = q;
      o[at + 2] = r;
      o[at + 3] = u;
      const below = at + out.width;
      o[below] = v;
      o[below + 1] = w;
      o[below + 2] = z;
      o[below + 3] = e;
    }
  }
}

/** `out[t, c] = Σ a[t, s] · b[s, c]` over s < reach(t); a must be zero from there on. */
export function multiply(
  out: Padded,
  a: Padded,
  b: Padded,
  rows: number,
  reach: (row: number) => number,
): void {
  for (let t = 0; t < rows; t += 2) {
    const end = reach(Math.min(t + 1, rows - 1));
    const from = { start: t * a.width, next: a.width, step: 1 };
    for (let c = 0; c < b.width; c += 4) tile(out, t, c, { a, b, from, first: 0, end });
  }
}

/** `out[s, c] = Σ a[t, column + s] · b[t, c]` over first(s) ≤ t < end; a must be zero before. */
export function multiplyByColumns(
  out: Padded,
  a: Padded,
  b: Padded,
  range: { rows: number; column: number; first: (row: number) => number; end: number },
): void {
  for (let s = 0; s < range.rows; s += 2) {
    const from = { start: range.column + s, next: 1, step: a.width };
    const { end } = range;
    for (let c = 0; c < b.width; c += 4) {
      tile(out, s, c, { a, b, from, first: range.first(s), end });
    }
  }
}

interface TileSource {
  readonly a: Padded;
  readonly b: Padded;
  /** Where the factors of the tile's first row begin, how far the second row's lie, and the stride. */
  readonly from: { readonly start: number; readonly next: number; readonly step: number };
  readonly first: number;
  readonly end: number;
}

/** Two rows × four columns of a product, from row `row` and column `column` of `out`. */
function tile(
  out: Padded,
  row: number,
  column: number,
  { a, b, from, first, end }: TileSource,
): void {
  const [x, y] = [a.values, b.values];
  const { next, step } = from;
  const width = b.width;
  let [p, q, r, u, v, w, z, e] = [0, 0, 0, 0, 0, 0, 0, 0];
  let left = from.start + first * step;
  let right = first * width + column;
  for (let s = first; s < end; s++, left += step, right += width) {
    const a0 = x[left]!;
    const a1 = x[left + next]!;
    const b0 = y[right]!;
    const b1 = y[right + 1]!;
    const b2 = y[right + 2]!;
    const b3 = y[right + 3]!;
    p += a0 * b0;
    q += a0 * b1;
    r += a0 * b2;
    u += a0 * b3;
    v += a1 * b0;
    w += a1 * b1;
    z += a1 * b2;
    e += a1 * b3;
  }
  const o = out.values;
  const at = row * out.width + column;
  o[at] = p;
  o[at + 1] = q;
  o[at + 2] = r;
  o[at + 3] = u;
  const below = at + out.width;
  o[below] = v;
  o[below + 1] = w;
  o[below + 2] = z;
  o[below + 3] = e;
}
