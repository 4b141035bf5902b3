/**
 * Log-likelihoods of continuations under a frozen model and under the same model with adapters.
 * What lies below the first adapter runs once for all of them, what a set of questions begins with
 * runs once for the set. Knows adapters as functions, and no memory, label or file.
 */
import assert from 'node:assert';
import { slice, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { gatherRows } from '../../tensor/gather-rows.ts';
import {
  type Adapter,
  embed,
  forwardBlocks,
  forwardPrefix,
  headLogits,
  joinPasts,
  type Model,
  type PastKeyValues,
} from '../model.ts';
import { planScoring, type RowBatch } from './plan.ts';
import type { Question } from './question.ts';

/** A model to score: the frozen one with these adapters, by block; none for the model as it came. */
export interface Scored {
  readonly adapters: ReadonlyMap<number, Adapter>;
  /** Runs in the model's place from block `ownFrom` upwards, and at the head; below it is the same. */
  readonly model?: Model;
  readonly ownFrom?: number;
}

export interface Scores {
  /** Natural logarithms, by question and continuation. */
  readonly logLikelihoods: readonly (readonly number[])[];
  /** By question, the largest |difference| to the first candidate's logits, over every position that was read and the whole vocabulary. */
  readonly maxAbsLogitDeltas: readonly number[];
}

export interface ScoringOptions {
  /** Rows that run at once. */
  readonly batch: number;
  /** Multiplications that a pass of its own must save. Default: what a few dozen small calls cost. */
  readonly leastSaved?: number;
}

/** Below it the calls cost more than the arithmetic, as in models of a few million parameters. */
const LEAST_SAVED = 2.5e8;

/** Logits held at a time, of one candidate: 16 MiB of them. */
const CHUNK_LOGITS = 4 * 2 ** 20;

/**
 * Scores all questions with every candidate; the first is the reference of `maxAbsLogitDeltas`.
 * `model` must hold the embedding, every block and the head. Leaves no tensor behind.
 * @throws RangeError when a logit is not finite: such a model has no likelihoods.
 */
export async function scoreQuestions(
  model: Model,
  questions: readonly Question[],
  candidates: readonly Scored[],
  { batch: maxRows, leastSaved = LEAST_SAVED }: ScoringOptions,
): Promise<Scores[]> {
  assert(candidates.length > 0 && questions.length > 0, 'something to score');
  const plan = planScoring(questions, {
    maxRows,
    leastSaved: leastSaved / multiplicationsPerToken(model),
  });
  const tower = new Tower(model, candidates);
  const sums = candidates.map(() => questions.map((item) => item.continuations.map(() => 0)));
  const deltas = candidates.map(() => questions.map(() => 0));
  const prefix = plan.prefix.length > 0 ? tower.prefixOf(plan.prefix) : undefined;
  try {
    for (const batch of plan.batches) {
      const states = tower.statesAfter(batch, prefix);
      try {
        await readBatch(tower.models, { batch, states }, { sums, deltas });
      } finally {
        for (const state of states) state.dispose();
      }
    }
  } finally {
    prefix?.dispose();
  }
  return sums.map((logLikelihoods, at) => ({ logLikelihoods, maxAbsLogitDeltas: deltas[at]! }));
}

/** The blocks' weights, each used once a token. */
function multiplicationsPerToken({ config }: Model): number {
  const { layers, hidden, intermediate, family } = config;
  return layers * hidden * (4 * hidden + (family === 'llama' ? 3 : 2) * intermediate);
}

interface Prefix {
  readonly lower: PastKeyValues;
  readonly uppers: readonly PastKeyValues[];
  dispose(): void;
}

/** The blocks in two parts: what all candidates share, and what differs from one to the next. */
class Tower {
  /** What each candidate runs above the shared blocks. */
  readonly models: readonly Model[];
  readonly #model: Model;
  readonly #candidates: readonly Scored[];
  /** The last shared block: an adapter acts on its block's *output*, so the first one's block is shared too. */
  readonly #last: number;

  constructor(model: Model, candidates: readonly Scored[]) {
    const adapted = candidates.flatMap(({ adapters }) => [...adapters.keys()]);
    const own = candidates.map(({ ownFrom }) => (ownFrom ?? model.config.layers) - 1);
    this.models = candidates.map((candidate) => candidate.model ?? model);
    this.#model = model;
    this.#candidates = candidates;
    this.#last = Math.min(...adapted, ...own, model.config.layers - 1);
  }

  /** Of `ids` after `before`, which stays the caller's. */
  prefixOf(ids: Int32Array, before?: Prefix): Prefix {
    const model = this.#model;
    const embedded = embed(model, ids);
    const lower = forwardPrefix(model, embedded, {
      from: 0,
      to: this.#last + 1,
      ...(before ? { past: before.lower } : {}),
    });
    embedded.dispose();
    const uppers = this.#candidates.map(({ adapters }, at) => {
      const past = before?.uppers[at];
      const start = this.#enter(lower.h, adapters);
      const upper = forwardPrefix(this.models[at]!, start, {
        from: this.#last + 1,
        adapters,
        ...(past ? { past } : {}),
      });
      start.dispose();
      upper.h.dispose();
      return past ? joinPasts(past, upper.past) : upper.past;
    });
    lower.h.dispose();
    const shared = before ? joinPasts(before.lower, lower.past) : lower.past;
    const dispose = () => {
      for (const past of [shared, ...uppers]) past.dispose();
    };
    return { lower: shared, uppers, dispose };
  }

  /** Each candidate's last hidden states at the batch's positions, (positions, C). */
  statesAfter(batch: RowBatch, prefix: Prefix | undefined): Tensor2D[] {
    if (batch.stem.length === 0) return this.#statesOf(batch, prefix);
    const stem = this.prefixOf(batch.stem, prefix);
    try {
      return this.#statesOf(batch, stem);
    } finally {
      stem.dispose();
    }
  }

  #statesOf({ ids, rows, length, positions }: RowBatch, prefix: Prefix | undefined): Tensor2D[] {
    const model = this.#model;
    const call = { batch: rows, length };
    return tidy(() => {
      const shared = forwardBlocks(model, embed(model, ids), {
        ...call,
        from: 0,
        to: this.#last + 1,
        ...(prefix ? { past: prefix.lower } : {}),
      });
      return this.#candidates.map(({ adapters }, at) =>
        tidy(() => {
          const past = prefix?.uppers[at];
          const top = forwardBlocks(this.models[at]!, this.#enter(shared, adapters), {
            ...call,
            from: this.#last + 1,
            adapters,
            ...(past ? { past } : {}),
          });
          return gatherRows(top, positions);
        }),
      );
    });
  }

  #enter(h: Tensor2D, adapters: ReadonlyMap<number, Adapter>): Tensor2D {
    return tidy(() => adapters.get(this.#last)?.(h) ?? h.clone());
  }
}

interface Totals {
  readonly sums: number[][][];
  readonly deltas: number[][];
}

/** Adds a batch's log-likelihoods, a few positions at a time so that few logits are held. */
async function readBatch(
  models: readonly Model[],
  { batch, states }: { batch: RowBatch; states: readonly Tensor2D[] },
  totals: Totals,
): Promise<void> {
  const count = batch.positions.length;
  const step = Math.max(1, Math.floor(CHUNK_LOGITS / models[0]!.config.vocab));
  for (let from = 0; from < count; from += step) {
    const to = Math.min(count, from + step);
    let reference: Float32Array | undefined;
    for (const [at, state] of states.entries()) {
      const logits = await logitsOf(models[at]!, state, { from, to });
      reference ??= logits;
      noteDifferences(batch, { from, to, logits, reference }, totals.deltas[at]!);
      addReadings(batch, { from, to, logits }, totals.sums[at]!);
    }
  }
}

async function logitsOf(
  model: Model,
  state: Tensor2D,
  { from, to }: { from: number; to: number },
): Promise<Float32Array> {
  const logits = tidy(() => headLogits(model, slice(state, [from, 0], [to - from, -1])));
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return values;
}

/** Raises each question's largest difference by what its positions show. */
function noteDifferences(
  { readings }: RowBatch,
  {
    from,
    to,
    logits,
    reference,
  }: { from: number; to: number; logits: Float32Array; reference: Float32Array },
  deltas: number[],
): void {
  if (logits === reference) return;
  const vocab = logits.length / (to - from);
  const known = new Map<number, number>();
  for (const { question, position } of readings) {
    if (position < from || position >= to) continue;
    const place = { start: (position - from) * vocab, length: vocab };
    const delta = known.get(position) ?? maxDifference(logits, reference, place);
    known.set(position, delta);
    deltas[question] = Math.max(deltas[question]!, delta);
  }
}

function maxDifference(
  a: Float32Array,
  b: Float32Array,
  { start, length }: { start: number; length: number },
): number {
  let largest = 0;
  for (let i = start; i < start + length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (difference > largest) largest = difference;
  }
  return largest;
}

function addReadings(
  { readings }: RowBatch,
  { from, to, logits }: { from: number; to: number; logits: Float32Array },
  sums: number[][],
): void {
  const vocab = logits.length / (to - from);
  const normalisers = new Map<number, number>();
  for (const { question, continuation, position, token } of readings) {
    if (position < from || position >= to) continue;
    const row = logits.subarray((position - from) * vocab, (position - from + 1) * vocab);
    const normaliser = normalisers.get(position) ?? logSumExp(row);
    normalisers.set(position, normaliser);
    sums[question]![continuation]! += row[token]! - normaliser;
  }
}

/** In double precision, so that a sum over 50,000 words costs no digits. */
function logSumExp(row: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of row) if (value > largest) largest = value;
  let total = 0;
  for (const value of row) total += Math.exp(value - largest);
  const result = largest + Math.log(total);
  if (!Number.isFinite(result)) throw new RangeError('the model gives logits that are not finite');
  return result;
}
