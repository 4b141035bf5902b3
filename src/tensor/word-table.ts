/**
 * A vocabulary's matrix, a row for each word, as a head and a trained embedding use it: in one tensor,
 * or in several where a device's buffers are too small for one. Knows no loss.
 */
import {
  concat,
  gather,
  scatterND,
  type Tensor2D,
  tensor1d,
  tensor2d,
  tidy,
} from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { gatherRows } from './gather-rows.ts';
import { product } from './matrix-product.ts';
import { largestTensor } from './tensor-limit.ts';

export interface WordTable {
  /** (words of it, C) each, one after the other; as in the checkpoint, so that nothing is transposed. */
  readonly parts: readonly Tensor2D[];
  readonly trainable: boolean;
}

/** How many words each part of a table of floats (words, width) gets on the backend that runs. */
export function partWords(words: number, width: number): number[] {
  const most = Math.max(1, Math.min(words, Math.floor(largestTensor() / (4 * width))));
  const each = Math.ceil(words / Math.ceil(words / most));
  const count = Math.ceil(words / each);
  return Array.from({ length: count }, (_, part) => Math.min(each, words - part * each));
}

/** The index of the first word of each part. */
export function firstWords({ parts }: WordTable): number[] {
  let next = 0;
  return parts.map(({ shape: [words] }) => {
    next += words;
    return next - words;
  });
}

export function countWords({ parts }: WordTable): number {
  return parts.reduce((sum, { shape: [words] }) => sum + words, 0);
}

/** Logits (N, V) of x (N, C). Records no gradient. */
export function wordLogits({ parts }: WordTable, x: Tensor2D): Tensor2D {
  return tidy(() => {
    const logits = parts.map((part) => product(x, part, { flipB: true }));
    return logits.length === 1 ? logits[0]! : (concat(logits, 1) as Tensor2D);
  });
}

/** The rows of `ids`, (N, C), with the gradient of the table. */
export function pickWords(table: WordTable, ids: Int32Array): Tensor2D {
  const [only, ...others] = table.parts;
  if (others.length === 0) return gatherRows(only!, ids);
  const places = placesOf(table, ids);
  return differentiable<Tensor2D>(table.parts, () => ({
    value: assemble(table, ids.length, places),
    gradients: (dy) =>
      table.parts.map(({ shape }, part) => {
        const { at, rows } = places[part]!;
        if (at.length === 0) return tensor2d(new Float32Array(shape[0] * shape[1]), shape);
        const own = gather(dy, tensor1d(at, 'int32')) as Tensor2D;
        return scatterND(tensor2d(rows, [rows.length, 1], 'int32'), own, shape) as Tensor2D;
      }),
  }));
}

/** Of one part: which of the ids are in it, and at which of its rows. */
interface Places {
  readonly at: Int32Array;
  readonly rows: Int32Array;
}

function placesOf(table: WordTable, ids: Int32Array): Places[] {
  const firsts = firstWords(table);
  return table.parts.map(({ shape: [words] }, part) => {
    const first = firsts[part]!;
    const at = Int32Array.from(ids.keys()).filter((index) => {
      return ids[index]! >= first && ids[index]! < first + words;
    });
    return { at, rows: at.map((index) => ids[index]! - first) };
  });
}

/** Each part's rows one below the other, then in the order of the ids. */
function assemble({ parts }: WordTable, count: number, places: readonly Places[]): Tensor2D {
  const found = parts.flatMap((part, index) => {
    const { rows } = places[index]!;
    return rows.length === 0 ? [] : [gather(part, tensor1d(rows, 'int32')) as Tensor2D];
  });
  const order = new Int32Array(count);
  let next = 0;
  for (const { at } of places) {
    for (const index of at) {
      order[index] = next;
      next += 1;
    }
  }
  return gather(found.length === 1 ? found[0]! : concat(found, 0), tensor1d(order, 'int32'));
}
