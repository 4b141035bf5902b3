/** Attention in plain loops over the tensors' own memory (cpu and wasm). See `attention.ts`. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { AttentionPlan, KeysValues } from './attention-plan.ts';
import { allocateFloats, viewFloats } from './host.ts';
import {
  multiply,
  multiplyByColumns,
  multiplyByRows,
  type Padded,
  padded,
} from './padded-products.ts';
import { rotateHead } from './rotary.ts';

interface Forward {
  readonly value: Tensor2D;
  /** The rotated qkv and the attention weights (B·H·T, P + T). */
  readonly kept: Tensor[];
}

export function attendForwardLoops(qkv: Tensor2D, plan: AttentionPlan): Forward {
  const { batch, length, heads, headDim, pastLength } = plan;
  const value = allocateFloats<Tensor2D>([batch * length, heads * headDim]);
  const rotated = allocateFloats<Tensor2D>(qkv.shape);
  const weights = allocateFloats<Tensor2D>([batch * heads * length, pastLength + length]);
  const views = viewAll(plan, rotated, weights);
  views.qkv.set(viewFloats(qkv));
  rotateRows(views.qkv, plan, 1);
  const out = viewFloats(value);
  const head = headRoom(plan);
  for (let text = 0; text < batch; text++) {
    for (let index = 0; index < heads; index++) {
      const place = placeHead(plan, text, index);
      fillHead(head, views, place, plan);
      attendHead(head, views.weights.subarray(place.weights), plan);
      copyOut(head.mixed, out, place.mixed, plan, heads * headDim);
    }
  }
  return { value, kept: [rotated, weights] };
}

interface Views {
  readonly qkv: Float32Array;
  readonly weights: Float32Array;
  readonly pastKeys: Float32Array;
  readonly pastValues: Float32Array;
}

function viewAll(plan: AttentionPlan, rotated: Tensor, weights: Tensor): Views {
  const none = new Float32Array(0);
  return {
    qkv: viewFloats(rotated),
    weights: viewFloats(weights),
    pastKeys: plan.past ? viewFloats(plan.past.keys) : none,
    pastValues: plan.past ? viewFloats(plan.past.values) : none,
  };
}

/** Turns all query and key heads of all rows, in place. */
export function rotateRows(qkv: Float32Array, plan: AttentionPlan, sign: 1 | -1): void {
  const { batch, length, heads, kvHeads, headDim, width, angles } = plan;
  for (let row = 0; row < batch * length; row++) {
    for (let head = 0; head < heads + kvHeads; head++) {
      rotateHead(qkv, row * width + head * headDim, angles, row % length, sign);
    }
  }
}

/** Matrices of one head of one text, used again for the next. N is P + T: the prefix, then the text. */
interface HeadRoom {
  readonly queries: Padded; // (T, D)
  readonly keys: Padded; // (N, D)
  readonly values: Padded; // (N, D)
  readonly mixed: Padded; // (T, D)
  readonly weights: Padded; // (T, N)
}

function headRoom({ length, pastLength, headDim }: AttentionPlan): HeadRoom {
  return {
    queries: padded(length, headDim),
    keys: padded(pastLength + length, headDim),
    values: padded(pastLength + length, headDim),
    mixed: padded(length, headDim),
    weights: padded(length, pastLength + length),
  };
}

interface Place {
  /** Offsets of the head's first query, key and value in the rows of `qkv`. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
  /** Offset of its first row of attention weights, and of its first mixed value. */
  readonly weights: number;
  readonly mixed: number;
  /** Offset of its key head in a row of the past, and that row's width. */
  readonly past: number;
  readonly pastWidth: number;
}

function placeHead(plan: AttentionPlan, text: number, head: number): Place {
  const { length, heads, kvHeads, headDim, pastLength, width } = plan;
  const keyHead = Math.floor((head * kvHeads) / heads);
  const start = text * length * width;
  return {
    query: start + head * headDim,
    key: start + (heads + keyHead) * headDim,
    value: start + (heads + kvHeads + keyHead) * headDim,
    weights: (text * heads + head) * length * (pastLength + length),
    mixed: text * length * heads * headDim + head * headDim,
    past: keyHead * headDim,
    pastWidth: kvHeads * headDim,
  };
}

function fillHead(head: HeadRoom, views: Views, place: Place, plan: AttentionPlan): void {
  const { length, headDim, pastLength, width } = plan;
  const own = { rows: length, columns: headDim, width };
  const past = { rows: pastLength, columns: headDim, width: place.pastWidth };
  copyIn(head.queries, 0, views.qkv, place.query, own);
  copyIn(head.keys, 0, views.pastKeys, place.past, past);
  copyIn(head.keys, pastLength, views.qkv, place.key, own);
  copyIn(head.values, 0, views.pastValues, place.past, past);
  copyIn(head.values, pastLength, views.qkv, place.value, own);
}

/** Copies a block of rows that lie `width` floats apart in `from` to the rows of `to` from `row` on. */
function copyIn(
  to: Padded,
  row: number,
  from: Float32Array,
  start: number,
  block: { rows: number; columns: number; width: number },
): void {
  for (let i = 0; i < block.rows; i++) {
    const source = start + i * block.width;
    const target = (row + i) * to.width;
    for (let k = 0; k < block.columns; k++) to.values[target + k] = from[source + k]!;
  }
}

/** Copies a head's (T, D) to its columns in rows of `width` floats. */
function copyOut(
  from: Padded,
  to: Float32Array,
  start: number,
  { length, headDim }: AttentionPlan,
  width: number,
): void {
  for (let t = 0; t < length; t++) {
    for (let k = 0; k < headDim; k++) to[start + t * width + k] = from.values[t * from.width + k]!;
  }
}

/** Fills the head's weights (also in `kept`, (T, N) floats) and mixed values. */
function attendHead(head: HeadRoom, kept: Float32Array, plan: AttentionPlan): void {
  const { length, pastLength, scale } = plan;
  const columns = pastLength + length;
  const reach = (t: number): number => pastLength + t + 1;
  multiplyByRows(head.weights, head.queries, head.keys, length, reach);
  for (let t = 0; t < length; t++) {
    const start = t * head.weights.width;
    normaliseRow(head.weights.values, start, reach(t), start + head.weights.width, scale);
    for (let s = 0; s < columns; s++) kept[t * columns + s] = head.weights.values[start + s]!;
  }
  multiply(head.mixed, head.weights, head.values, length, reach);
}

/** Softmax of `scale` times the first `count` entries of a row; those up to `end` become 0. */
function normaliseRow(
  row: Float64Array,
  start: number,
  count: number,
  end: number,
  scale: number,
): void {
  let largest = -Infinity;
  for (let i = start; i < start + count; i++) if (row[i]! > largest) largest = row[i]!;
  let total = 0;
  for (let i = start; i < start + count; i++) {
    const weight = Math.exp(scale * (row[i]! - largest));
    row[i] = weight;
    total += weight;
  }
  const factor = 1 / total;
  for (let i = start; i < start + count; i++) row[i]! *= factor;
  row.fill(0, start + count, end);
}

/** Gradient of the unrotated qkv (B·T, width) from that of the mixed values (B·T, H·D). */
export function attendBackwardLoops(dy: Tensor2D, saved: Tensor[], plan: AttentionPlan): Tensor2D {
  const { batch, length, heads, headDim, width } = plan;
  const gradient = allocateFloats<Tensor2D>([batch * length, width]);
  const views = viewAll(plan, saved[0]!, saved[1]!);
  const [to, slope] = [viewFloats(gradient), viewFloats(dy)];
  to.fill(0);
  const head = headRoom(plan);
  const slopes = headRoom(plan);
  for (let text = 0; text < batch; text++) {
    for (let index = 0; index < heads; index++) {
      const place = placeHead(plan, text, index);
      fillHead(head, views, place, plan);
      const block = { rows: length, columns: headDim, width: heads * headDim };
      copyIn(slopes.mixed, 0, slope, place.mixed, block);
      backwardHead(head, slopes, views.weights.subarray(place.weights), plan);
      addOut(slopes.queries, to, place.query, plan);
      addOut(slopes.keys, to, place.key, plan);
      addOut(slopes.values, to, place.value, plan);
    }
  }
  rotateRows(to, plan, -1);
  return gradient;
}

/** From `slopes.mixed` to the slopes of queries, and of the text's own keys and values (T rows). */
function backwardHead(
  head: HeadRoom,
  slopes: HeadRoom,
  kept: Float32Array,
  plan: AttentionPlan,
): void {
  const { length, pastLength, scale } = plan;
  const columns = pastLength + length;
  const reach = (t: number): number => pastLength + t + 1;
  multiplyByRows(slopes.weights, slopes.mixed, head.values, length, reach);
  for (let t = 0; t < length; t++) {
    const start = t * head.weights.width;
    for (let s = 0; s < columns; s++) head.weights.values[start + s] = kept[t * columns + s]!;
    softmaxSlopes(slopes.weights, head.weights, start, reach(t), scale);
  }
  const own = { rows: length, column: pastLength, first: (s: number) => s, end: length };
  multiply(slopes.queries, slopes.weights, head.keys, length, reach);
  multiplyByColumns(slopes.keys, slopes.weights, head.queries, own);
  multiplyByColumns(slopes.values, head.weights, slopes.mixed, own);
}

/** Turns a row of slopes of the weights into slopes of the scores, in place. */
function softmaxSlopes(
  slopes: Padded,
  weights: Padded,
  start: number,
  count: number,
  scale: number,
): void {
  const [slope, weight] = [slopes.values, weights.values];
  let mean = 0;
  for (let i = start; i < start + count; i++) mean += slope[i]! * weight[i]!;
  for (let i = start; i < start + count; i++) slope[i] = weight[i]! * (slope[i]! - mean) * scale;
  slope.fill(0, start + count, start + slopes.width);
}

/** Adds a head's (T, D) to its columns of `to`: key heads are shared by several query heads. */
function addOut(from: Padded, to: Float32Array, start: number, plan: AttentionPlan): void {
  const { length, headDim, width } = plan;
  for (let t = 0; t < length; t++) {
    for (let k = 0; k < headDim; k++)
      to[start + t * width + k]! += from.values[t * from.width + k]!;
  }
}

export function keysValuesLoops(qkv: Tensor2D, plan: AttentionPlan): KeysValues {
  const { batch, length, heads, kvHeads, headDim, width, angles } = plan;
  const rows = batch * length;
  const each = kvHeads * headDim;
  const keys = allocateFloats<Tensor2D>([rows, each]);
  const values = allocateFloats<Tensor2D>([rows, each]);
  const [from, toKeys, toValues] = [viewFloats(qkv), viewFloats(keys), viewFloats(values)];
  for (let row = 0; row < rows; row++) {
    const start = row * width + heads * headDim;
    toKeys.set(from.subarray(start, start + each), row * each);
    toValues.set(from.subarray(start + each, start + 2 * each), row * each);
    for (let head = 0; head < kvHeads; head++) {
      rotateHead(toKeys, row * each + head * headDim, angles, row % length, 1);
    }
  }
  return { keys, values };
}
