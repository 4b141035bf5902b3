/** Attention in plain loops over the tensors' own memory (cpu and wasm). See `attention.ts`. */
import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import type { AttentionPlan, KeysValues } from './attention.ts';
import { allocateFloats, viewFloats } from './host.ts';
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
  out.fill(0);
  for (let text = 0; text < batch; text++) {
    for (let head = 0; head < heads; head++) attendHead(plan, views, out, text, head);
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
function rotateRows(qkv: Float32Array, plan: AttentionPlan, sign: 1 | -1): void {
  const { batch, length, heads, kvHeads, headDim, width, angles } = plan;
  for (let row = 0; row < batch * length; row++) {
    for (let head = 0; head < heads + kvHeads; head++) {
      rotateHead(qkv, row * width + head * headDim, angles, row % length, sign);
    }
  }
}

function attendHead(
  plan: AttentionPlan,
  views: Views,
  out: Float32Array,
  text: number,
  head: number,
): void {
  const { length, heads, headDim, pastLength, width, scale } = plan;
  const { qkv, weights } = views;
  const place = placeHead(plan, text, head);
  for (let t = 0; t < length; t++) {
    const row = ((text * heads + head) * length + t) * (pastLength + length);
    const query = place.query + t * width;
    let largest = -Infinity;
    for (let s = 0; s < pastLength; s++) {
      const key = s * place.pastWidth + place.past;
      const score = scale * dot(qkv, query, views.pastKeys, key, headDim);
      weights[row + s] = score;
      if (score > largest) largest = score;
    }
    for (let s = 0; s <= t; s++) {
      const score = scale * dot(qkv, query, qkv, place.key + s * width, headDim);
      weights[row + pastLength + s] = score;
      if (score > largest) largest = score;
    }
    normaliseRow(weights, row, pastLength + t + 1, pastLength + length, largest);
    const target = (text * length + t) * heads * headDim + head * headDim;
    for (let s = 0; s < pastLength; s++) {
      const from = s * place.pastWidth + place.past;
      addScaled(out, target, views.pastValues, from, weights[row + s]!, headDim);
    }
    for (let s = 0; s <= t; s++) {
      const weight = weights[row + pastLength + s]!;
      addScaled(out, target, qkv, place.value + s * width, weight, headDim);
    }
  }
}

interface Place {
  /** Offsets of the head's first query, key and value in the rows of `qkv`. */
  readonly query: number;
  readonly key: number;
  readonly value: number;
  /** Offset of its key head in a row of the past, and that row's width. */
  readonly past: number;
  readonly pastWidth: number;
}

function placeHead(plan: AttentionPlan, text: number, head: number): Place {
  const { length, heads, kvHeads, headDim, width } = plan;
  const keyHead = Math.floor((head * kvHeads) / heads);
  const start = text * length * width;
  return {
    query: start + head * headDim,
    key: start + (heads + keyHead) * headDim,
    value: start + (heads + kvHeads + keyHead) * headDim,
    past: keyHead * headDim,
    pastWidth: kvHeads * headDim,
  };
}

/** Softmax over the first `count` entries of a row; those up to `end`, in the future, become 0. */
function normaliseRow(
  weights: Float32Array,
  row: number,
  count: number,
  end: number,
  largest: number,
): void {
  let total = 0;
  for (let i = row; i < row + count; i++) {
    const weight = Math.exp(weights[i]! - largest);
    weights[i] = weight;
    total += weight;
  }
  const factor = 1 / total;
  for (let i = row; i < row + count; i++) weights[i]! *= factor;
  weights.fill(0, row + count, row + end);
}

function dot(a: Float32Array, i: number, b: Float32Array, j: number, count: number): number {
  let sum = 0;
  for (let k = 0; k < count; k++) sum += a[i + k]! * b[j + k]!;
  return sum;
}

function addScaled(
  to: Float32Array,
  i: number,
  from: Float32Array,
  j: number,
  factor: number,
  count: number,
): void {
  for (let k = 0; k < count; k++) to[i + k]! += factor * from[j + k]!;
}

/** Gradient of the unrotated qkv (B·T, width) from that of the mixed values (B·T, H·D). */
export function attendBackwardLoops(dy: Tensor2D, saved: Tensor[], plan: AttentionPlan): Tensor2D {
  const { batch, length, heads, width } = plan;
  const gradient = allocateFloats<Tensor2D>([batch * length, width]);
  const views = viewAll(plan, saved[0]!, saved[1]!);
  const [to, slope] = [viewFloats(gradient), viewFloats(dy)];
  to.fill(0);
  for (let text = 0; text < batch; text++) {
    for (let head = 0; head < heads; head++) backwardHead(plan, views, slope, to, text, head);
  }
  rotateRows(to, plan, -1);
  return gradient;
}

function backwardHead(
  plan: AttentionPlan,
  { qkv, weights, pastKeys, pastValues }: Views,
  dy: Float32Array,
  to: Float32Array,
  text: number,
  head: number,
): void {
  const { length, heads, headDim, pastLength, width, scale } = plan;
  const place = placeHead(plan, text, head);
  const slopes = new Float64Array(pastLength + length);
  for (let t = 0; t < length; t++) {
    const row = ((text * heads + head) * length + t) * (pastLength + length);
    const from = (text * length + t) * heads * headDim + head * headDim;
    const query = place.query + t * width;
    let mean = 0;
    for (let s = 0; s < pastLength; s++) {
      const slope = dot(dy, from, pastValues, s * place.pastWidth + place.past, headDim);
      slopes[s] = slope;
      mean += slope * weights[row + s]!;
    }
    for (let s = 0; s <= t; s++) {
      const weight = weights[row + pastLength + s]!;
      const slope = dot(dy, from, qkv, place.value + s * width, headDim);
      slopes[pastLength + s] = slope;
      mean += slope * weight;
      addScaled(to, place.value + s * width, dy, from, weight, headDim);
    }
    for (let s = 0; s < pastLength; s++) {
      const slope = weights[row + s]! * (slopes[s]! - mean) * scale;
      addScaled(to, query, pastKeys, s * place.pastWidth + place.past, slope, headDim);
    }
    for (let s = 0; s <= t; s++) {
      const slope = weights[row + pastLength + s]! * (slopes[pastLength + s]! - mean) * scale;
      addScaled(to, query, qkv, place.key + s * width, slope, headDim);
      addScaled(to, place.key + s * width, qkv, query, slope, headDim);
    }
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
