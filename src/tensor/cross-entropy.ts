/**
 * Softmax cross-entropy through a linear head: the logits of all rows are never held at once. A frozen
 * head on wasm takes a few words at a time, in one kernel; else the rows come in chunks, and a head in
 * several parts gives each part's maximum and sum (online softmax). With a gradient recorded, it is
 * computed while the logits are there (`softmax · W − W[target]`).
 */
import {
  add,
  concat,
  div,
  exp,
  log,
  max,
  maximum,
  mul,
  oneHot,
  type Scalar,
  scalar,
  slice,
  sub,
  sum,
  type Tensor,
  type Tensor1D,
  type Tensor2D,
  tensor1d,
  tidy,
} from '@tensorflow/tfjs-core';
import { differentiable } from './differentiable.ts';
import { allocateFloats, onHost, recordingGradient, viewFloats } from './host.ts';
import { type Simd, simd, splitRange } from './kernel/simd.ts';
import { product } from './matrix-product.ts';
import { countWords, firstWords, type WordTable } from './word-table.ts';

/** Logits held at a time: 16 MiB of them. */
const CHUNK_LOGITS = 4 * 2 ** 20;

/**
 * Mean over the rows of −log p(target).
 * @param x (N, C), normalised; @param head (V, C); @param targets N token ids
 */
export function crossEntropyLoss(x: Tensor2D, head: WordTable, targets: Int32Array): Scalar {
  const recording = recordingGradient();
  const inputs: Tensor[] = head.trainable ? [x, ...head.parts] : [x];
  return differentiable<Scalar>(inputs, (save) => {
    const pass = passOver(x, head, targets, recording);
    if (pass.gradients.length > 0) save(pass.gradients);
    return {
      value: mul(sum(pass.losses), 1 / targets.length) as Scalar,
      gradients: (dy, saved) => saved.map((gradient) => mul(gradient, dy)),
    };
  });
}

/** −log p(target) of each row, (N). Records no gradient. */
export function rowLosses(x: Tensor2D, head: WordTable, targets: Int32Array): Tensor1D {
  return tidy(() => passOver(x, head, targets, false).losses);
}

interface Pass {
  readonly losses: Tensor1D;
  /** Of the mean loss: dx, and the dW of each part if the head is trainable. */
  readonly gradients: Tensor[];
}

function passOver(x: Tensor2D, head: WordTable, targets: Int32Array, recording: boolean): Pass {
  const [rows] = x.shape;
  if (rows !== targets.length) throw new Error(`${rows} rows but ${targets.length} targets`);
  const kernels = simd();
  const [table, ...others] = head.parts;
  if (kernels && !head.trainable && others.length === 0) {
    return passByWords(kernels, { x, table: table!, targets, recording });
  }
  return passByRows(x, head, targets, recording);
}

/** All rows through the head in one kernel, cut among the threads by rows. */
function passByWords(
  { run, address, scratch, threads, kernels }: Simd,
  job: { x: Tensor2D; table: Tensor2D; targets: Int32Array; recording: boolean },
): Pass {
  const [rows, width] = job.x.shape;
  const losses = allocateFloats<Tensor1D>([rows]);
  const sums = allocateFloats<Tensor1D>([rows]);
  const dx = job.recording ? allocateFloats<Tensor2D>([rows, width]) : undefined;
  const ids = tensor1d(job.targets, 'int32');
  // Cut on a panel's edge: eight rows.
  const runs = splitRange(rows, threads, 8);
  const working = scratch(kernels.headScratch(runs[0]![1], width));
  const [from, table, chosen, out, totals] = [job.x, job.table, ids, losses, sums].map(address) as [
    ...Addresses,
    number,
  ];
  const calls = runs.map(([start, end], thread) => {
    const at = 4 * start;
    const inputs = [from + at * width, end - start, width, table, job.table.shape[0], chosen + at];
    const gradient = dx ? address(dx) + at * width : 0;
    return [...inputs, 1 / rows, out + at, totals + at, gradient, working[thread]!];
  });
  run('headLosses', calls);
  addLogarithms(viewFloats(losses), viewFloats(sums));
  return { losses, gradients: dx ? [dx] : [] };
}

function passByRows(x: Tensor2D, head: WordTable, targets: Int32Array, recording: boolean): Pass {
  const [rows, width] = x.shape;
  const step = Math.max(1, Math.floor(CHUNK_LOGITS / countWords(head)));
  const losses: Tensor1D[] = [];
  const inputGradients: Tensor2D[] = [];
  const weightGradients: Tensor2D[] = [];
  for (let row = 0; row < rows; row += step) {
    const count = Math.min(step, rows - row);
    const [loss, dx, ...dWeights] = tidy(() => {
      const part = count === rows ? x : slice(x, [row, 0], [count, width]);
      const chunk = chunkOf(part, head, targets.subarray(row, row + count));
      return recording
        ? [chunk.losses, ...gradientsOf(chunk, part, head, 1 / rows)]
        : [chunk.losses];
    }) as [Tensor1D, ...Tensor2D[]];
    losses.push(loss);
    if (dx) inputGradients.push(dx);
    dWeights.forEach((dWeight, index) => {
      weightGradients[index] = accumulate(weightGradients[index], dWeight);
    });
  }
  return {
    losses: join(losses),
    gradients: recording ? [join(inputGradients), ...weightGradients] : [],
  };
}

/** dx of the chunk's rows, and what they add to the dW of each part if the head is trainable. */
function gradientsOf(chunk: Chunk, x: Tensor2D, head: WordTable, factor: number): Tensor2D[] {
  const slopes = chunk.slopes(factor);
  const shares = slopes.map((dLogits, part) => product(dLogits, head.parts[part]!));
  const dx = addAll(shares);
  if (!head.trainable) return [dx];
  return [dx, ...slopes.map((dLogits) => product(dLogits, x, { flipA: true }))];
}

function join<T extends Tensor1D | Tensor2D>(parts: T[]): T {
  return parts.length === 1 ? parts[0]! : (concat(parts as Tensor2D[], 0) as T);
}

function accumulate(total: Tensor2D | undefined, part: Tensor2D): Tensor2D {
  if (!total) return part;
  const result = add(total, part) as Tensor2D;
  total.dispose();
  part.dispose();
  return result;
}

interface Chunk {
  readonly losses: Tensor1D;
  /** `factor · (softmax − onehot(target))` of each part's words, (rows, words); may be called once. */
  readonly slopes: (factor: number) => Tensor2D[];
}

function chunkOf(x: Tensor2D, head: WordTable, targets: Int32Array): Chunk {
  const logits = head.parts.map((part) => product(x, part, { flipB: true }));
  const [only, ...others] = logits;
  const kernels = simd();
  if (others.length > 0 || !(kernels || onHost())) return chunkComposed(logits, head, targets);
  return kernels ? chunkSimd(kernels, only!, targets) : chunkLoops(only!, targets);
}

function chunkSimd({ run, address, threads }: Simd, logits: Tensor2D, targets: Int32Array): Chunk {
  const [rows, words] = logits.shape;
  const losses = allocateFloats<Tensor1D>([rows]);
  const sums = allocateFloats<Tensor1D>([rows]);
  const ids = tensor1d(targets, 'int32');
  const runs = splitRange(rows, threads);
  const [values, chosen, out, totals] = [logits, ids, losses, sums].map(address) as Addresses;
  const powers = runs.map(([from, to]) => {
    const at = 4 * from;
    return [values + at * words, chosen + at, out + at, totals + at, to - from, words];
  });
  run('softmaxPowers', powers);
  addLogarithms(viewFloats(losses), viewFloats(sums));
  return {
    losses,
    slopes: (factor) => {
      const slopes = runs.map(([from, to]) => {
        const at = 4 * from;
        return [values + at * words, chosen + at, totals + at, factor, to - from, words];
      });
      run('softmaxSlopes', slopes);
      return [logits];
    },
  };
}

type Addresses = [number, number, number, number];

/** The kernels have no logarithm: losses hold the margins, and become margin + log(sum). */
function addLogarithms(losses: Float32Array, sums: Float32Array): void {
  for (let i = 0; i < losses.length; i++) losses[i]! += Math.log(sums[i]!);
}

function chunkLoops(logits: Tensor2D, targets: Int32Array): Chunk {
  const [rows, words] = logits.shape;
  const losses = allocateFloats<Tensor1D>([rows]);
  const [values, out] = [viewFloats(logits), viewFloats(losses)];
  const sums = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const start = row * words;
    const chosen = values[start + targets[row]!]!;
    let largest = -Infinity;
    for (let i = start; i < start + words; i++) if (values[i]! > largest) largest = values[i]!;
    let total = 0;
    for (let i = start; i < start + words; i++) {
      const power = Math.exp(values[i]! - largest);
      values[i] = power;
      total += power;
    }
    sums[row] = total;
    out[row] = Math.log(total) + largest - chosen;
  }
  return { losses, slopes: (factor) => [slopesLoops(logits, targets, sums, factor)] };
}

/** Turns the powers that `chunkLoops` left in place of the logits into slopes, in place. */
function slopesLoops(
  powers: Tensor2D,
  targets: Int32Array,
  sums: Float64Array,
  factor: number,
): Tensor2D {
  const words = powers.shape[1];
  const values = viewFloats(powers);
  for (let row = 0; row < sums.length; row++) {
    const share = factor / sums[row]!;
    for (let i = row * words; i < (row + 1) * words; i++) values[i]! *= share;
    values[row * words + targets[row]!]! -= factor;
  }
  return powers;
}

/** The logits of a part never meet those of another, only their maxima and sums do. */
function chunkComposed(logits: readonly Tensor2D[], head: WordTable, targets: Int32Array): Chunk {
  const firsts = firstWords(head);
  const largest = logits.map((part) => max(part, 1, true)).reduce((a, b) => maximum(a, b));
  const powers = logits.map((part) => exp(sub(part, largest)));
  const total = addAll(powers.map((part) => sum(part, 1, true)));
  const marks = logits.map(({ shape: [, words] }, part) => {
    // A target outside of the part marks nothing.
    const ids = targets.map((id) => id - firsts[part]!);
    return oneHot(tensor1d(ids, 'int32'), words);
  });
  const chosen = addAll(logits.map((part, index) => sum(mul(part, marks[index]!), 1, true)));
  return {
    losses: sum(sub(add(log(total), largest), chosen), 1) as Tensor1D,
    slopes: (factor) =>
      powers.map((part, index) => {
        return mul(sub(div(part, total), marks[index]!), scalar(factor)) as Tensor2D;
      }),
  };
}

/** Two at a time: TFJS's addN binds all of them at once, more than a device may allow. */
function addAll<T extends Tensor>(parts: readonly T[]): T {
  return parts.reduce((total, part) => add(total, part));
}
