/**
 * Attention from TFJS's own kernels, for devices whose memory JavaScript cannot address (webgpu,
 * tensorflow). Queries of one key head are stacked as rows of one product. See `attention.ts`.
 */
import {
  add,
  concat,
  matMul,
  mul,
  reshape,
  slice,
  softmax,
  sub,
  sum,
  type Tensor,
  type Tensor2D,
  type Tensor4D,
  tensor,
  tidy,
  transpose,
} from '@tensorflow/tfjs-core';
import type { AttentionPlan, KeysValues } from './attention-plan.ts';

interface Forward {
  readonly value: Tensor2D;
  /** Queries, keys, values, attention weights, each (B, heads, rows, columns). */
  readonly kept: Tensor[];
}

export function attendForward(qkv: Tensor2D, plan: AttentionPlan): Forward {
  const { heads, kvHeads, pastLength } = plan;
  const queries = groupQueries(rotate(headsOf(qkv, plan, 0, heads), plan, 1), plan);
  const keys = rotate(headsOf(qkv, plan, heads, kvHeads), plan, 1);
  const values = headsOf(qkv, plan, heads + kvHeads, kvHeads);
  const own = add(mul(matMul(queries, keys, false, true), plan.scale), mask(plan));
  const past = pastOf(plan);
  const scores = past
    ? concat([mul(matMul(queries, past.keys, false, true), plan.scale), own], 3)
    : own;
  const weights = softmax(scores) as Tensor4D;
  const [before, now] = splitColumns(weights, pastLength);
  const mixed = matMul(now, values);
  const total = past ? add(matMul(before, past.values), mixed) : mixed;
  const value = rowsOf(ungroupQueries(total as Tensor4D, plan), plan, heads);
  return { value, kept: [queries, keys, values, weights] };
}

export function attendBackward(dy: Tensor2D, saved: Tensor[], plan: AttentionPlan): Tensor2D {
  return tidy(() => {
    const [queries, keys, values, weights] = saved as [Tensor4D, Tensor4D, Tensor4D, Tensor4D];
    const slope = groupQueries(headsOf(dy, plan, 0, plan.heads), plan);
    const past = pastOf(plan);
    const ownSlopes = matMul(slope, values, false, true);
    const slopes = past
      ? concat([matMul(slope, past.values, false, true), ownSlopes], 3)
      : ownSlopes;
    const centred = sub(slopes, sum(mul(slopes, weights), 3, true));
    const dScores = mul(mul(weights, centred), plan.scale) as Tensor4D;
    const [before, now] = splitColumns(dScores, plan.pastLength);
    const dOwn = matMul(now, keys);
    const dQueries = (past ? add(matMul(before, past.keys), dOwn) : dOwn) as Tensor4D;
    const dKeys = matMul(now, queries, true, false) as Tensor4D;
    const dValues = matMul(splitColumns(weights, plan.pastLength)[1], slope, true, false);
    const parts = [
      rowsOf(rotate(ungroupQueries(dQueries, plan), plan, -1), plan, plan.heads),
      rowsOf(rotate(dKeys, plan, -1), plan, plan.kvHeads),
      rowsOf(dValues as Tensor4D, plan, plan.kvHeads),
    ];
    return concat(parts, 1) as Tensor2D;
  });
}

export function keysValuesOf(qkv: Tensor2D, plan: AttentionPlan): KeysValues {
  const { heads, kvHeads } = plan;
  const [keys, values] = tidy(() => [
    rowsOf(rotate(headsOf(qkv, plan, heads, kvHeads), plan, 1), plan, kvHeads),
    rowsOf(headsOf(qkv, plan, heads + kvHeads, kvHeads), plan, kvHeads),
  ]) as [Tensor2D, Tensor2D];
  return { keys, values };
}

/** Heads `from` … of x (B·T, ·) as (B, count, T, D). */
function headsOf(x: Tensor2D, plan: AttentionPlan, from: number, count: number): Tensor4D {
  const { batch, length, headDim } = plan;
  const columns = slice(x, [0, from * headDim], [batch * length, count * headDim]);
  return transpose(reshape(columns, [batch, length, count, headDim]), [0, 2, 1, 3]) as Tensor4D;
}

/** The inverse of `headsOf`: (B, count, T, D) to (B·T, count·D). */
function rowsOf(x: Tensor4D, plan: AttentionPlan, count: number): Tensor2D {
  const { batch, length, headDim } = plan;
  return reshape(transpose(x, [0, 2, 1, 3]), [batch * length, count * headDim]);
}

/** (B, H, T, D) to (B, K, G·T, D), G queries heads a key head. */
function groupQueries(x: Tensor4D, { batch, length, heads, kvHeads, headDim }: AttentionPlan) {
  return reshape(x, [batch, kvHeads, (heads / kvHeads) * length, headDim]) as Tensor4D;
}

function ungroupQueries(x: Tensor4D, { batch, length, heads, headDim }: AttentionPlan): Tensor4D {
  return reshape(x, [batch, heads, length, headDim]) as Tensor4D;
}

/** The past's keys and values as (1, K, P, D): batch 1 is broadcast over the texts. */
function pastOf({ past, pastLength, kvHeads, headDim }: AttentionPlan) {
  if (!past) return undefined;
  const split = (x: Tensor2D): Tensor4D =>
    transpose(reshape(x, [1, pastLength, kvHeads, headDim]), [0, 2, 1, 3]) as Tensor4D;
  return { keys: split(past.keys), values: split(past.values) };
}

/** Splits the last axis into the past's columns and the text's own. */
function splitColumns(x: Tensor4D, pastLength: number): [Tensor4D, Tensor4D] {
  if (pastLength === 0) return [x, x];
  const [batch, heads, rows, columns] = x.shape;
  return [
    slice(x, [0, 0, 0, 0], [batch, heads, rows, pastLength]),
    slice(x, [0, 0, 0, pastLength], [batch, heads, rows, columns - pastLength]),
  ];
}

/** −∞ (large enough for float32) where the key lies in the query's future: (1, 1, G·T, T). */
function mask({ length, heads, kvHeads }: AttentionPlan): Tensor {
  const rows = (heads / kvHeads) * length;
  const values = new Float32Array(rows * length);
  for (let row = 0; row < rows; row++) {
    for (let s = (row % length) + 1; s < length; s++) values[row * length + s] = -1e9;
  }
  return tensor(values, [1, 1, rows, length]);
}

function rotate(x: Tensor4D, plan: AttentionPlan, sign: 1 | -1): Tensor4D {
  const [batch, heads, length, headDim] = x.shape;
  const { half, cosines, sines } = plan.angles;
  const table = [1, 1, length, half];
  const [cosine, sine] = [tensor(cosines, table), mul(tensor(sines, table), sign)];
  const part = (from: number, count: number): Tensor4D =>
    slice(x, [0, 0, 0, from], [batch, heads, length, count]);
  const [a, b] = [part(0, half), part(half, half)];
  const turned = [sub(mul(a, cosine), mul(b, sine)), add(mul(b, cosine), mul(a, sine))];
  const rest = 2 * half < headDim ? [part(2 * half, headDim - 2 * half)] : [];
  return concat([...turned, ...rest], 3) as Tensor4D;
}
