/**
 * Training a memory on stored trunk states: next-token cross-entropy, only the blocks from the first
 * memory upwards and the head are resident. Knows no stage, no file and no clock of its own.
 */

import { type Scalar, type Tensor2D, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { crossEntropy, forwardBlocks, type Model } from '../lm/model.ts';
import type { Trunk } from '../lm/trunk/trunk.ts';
import type { AdamOptions } from '../tensor/adam.ts';
import { gatherRows } from '../tensor/gather-rows.ts';
import {
  createOptimizer,
  NotFiniteError,
  type Optimizer,
  type StepResult,
} from '../tensor/optimizer.ts';
import { learningRateAt, type Schedule } from '../tensor/schedule.ts';
import { decodeSnapshot, encodeSnapshot } from '../tensor/snapshot.ts';
import { assembleBatch, type Batch } from './batch.ts';
import type { DecayRule } from './config.ts';
import { TrainingDivergedError } from './diverged.ts';
import {
  batchesPerEpoch,
  type Candidate,
  candidateSources,
  type EpochPlan,
  epochBatches,
} from './epoch.ts';
import type { Memory } from './memory.ts';

export interface TrainingOptions extends EpochPlan {
  readonly epochs: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly adam: AdamOptions;
  readonly decay: DecayRule;
  /** Of examples, whether the prompt is trained with the answer. Of pages, all tokens are, once. */
  readonly loss: 'all' | 'answer';
  /** Stops after so many epochs whose mean loss was not the best by `minDelta`; 0 never stops. */
  readonly earlyStop: { readonly patience: number; readonly minDelta: number };
}

export interface Training {
  /** Blocks from `memory.blocks.from` to the end and the head. */
  readonly model: Model;
  readonly trunk: Trunk;
  readonly memory: Memory;
  readonly candidate: Candidate;
  readonly options: TrainingOptions;
}

export interface StepRecord {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly gradNorm: number;
}

export interface TrainingHooks {
  /** The state that a killed run left, if any. */
  readonly saved: Uint8Array | undefined;
  /** Whether to save now; asked after each step. */
  saveDue(): boolean;
  save(state: Uint8Array): void;
  stepped(record: StepRecord, totalSteps: number, tokens: number): void;
}

/** There is nothing to train on. */
export class NoTextsError extends Error {}

interface Progress {
  steps: number;
  readonly records: StepRecord[];
  readonly epochLosses: number[];
}

/**
 * Trains `memory` in place and returns a record of every step. Deterministic: the same inputs give
 * the same bits, also when continued from a saved state. Throws TrainingDivergedError, NoTextsError.
 */
export async function trainMemory(
  training: Training,
  hooks: TrainingHooks,
): Promise<readonly StepRecord[]> {
  const { memory, options } = training;
  const texts = textsOf(training);
  const perEpoch = batchesPerEpoch(
    texts.map((text) => training.trunk.texts[text]!.source),
    options,
  );
  const schedule: Schedule = {
    peak: options.learningRate,
    warmupSteps: options.warmupSteps,
    totalSteps: options.epochs * perEpoch,
  };
  const optimizer = await createOptimizer(memory.trained(options.decay), options.adam);
  const progress = resume(optimizer, hooks.saved);
  while (progress.steps < schedule.totalSteps) {
    const epoch = Math.floor(progress.steps / perEpoch);
    if (progress.steps % perEpoch === 0 && stalled(progress.epochLosses, options.earlyStop)) break;
    await trainEpoch({ training, texts, optimizer, schedule, progress, epoch, perEpoch }, hooks);
  }
  return progress.records;
}

interface EpochRun {
  readonly training: Training;
  readonly texts: readonly number[];
  readonly optimizer: Optimizer;
  readonly schedule: Schedule;
  readonly progress: Progress;
  readonly epoch: number;
  readonly perEpoch: number;
}

/** Runs an epoch from where `progress` stands in it. */
async function trainEpoch(run: EpochRun, hooks: TrainingHooks): Promise<void> {
  const { training, texts, progress, schedule, epoch, perEpoch } = run;
  const sources = texts.map((text) => training.trunk.texts[text]!.source);
  const batches = epochBatches(sources, epoch, training.options);
  for (const positions of batches.slice(progress.steps - epoch * perEpoch)) {
    const step = progress.steps;
    const learningRate = learningRateAt(step, schedule);
    const chosen = positions.map((position) => texts[position]!);
    const batch = readBatch(training, chosen);
    const { loss, gradNorm } = await trainStep(run, { batch, chosen, step, learningRate });
    const record = { step, epoch, loss, learningRate, gradNorm };
    progress.steps += 1;
    progress.records.push(record);
    if (progress.steps === (epoch + 1) * perEpoch) closeEpoch(progress, perEpoch);
    hooks.stepped(record, schedule.totalSteps, batch.texts * batch.length);
    if (hooks.saveDue())
      hooks.save(encodeSnapshot({ meta: progress, arrays: run.optimizer.arrays() }));
  }
}

async function trainStep(
  { training, optimizer, epoch }: EpochRun,
  at: { batch: Batch; chosen: readonly number[]; step: number; learningRate: number },
): Promise<StepResult> {
  try {
    return await optimizer.step(() => batchLoss(training, at.batch), at.learningRate);
  } catch (error) {
    if (!(error instanceof NotFiniteError)) throw error;
    const names = at.chosen.map((text) => nameOf(training.trunk, text)).join(', ');
    throw new TrainingDivergedError(
      `step ${at.step} (epoch ${epoch}): ${error.message}; the batch was ${names}`,
      { cause: error },
    );
  }
}

/** Mean cross-entropy over the batch's supervised tokens. */
export function batchLoss(
  { model, memory }: Pick<Training, 'model' | 'memory'>,
  batch: Batch,
): Scalar {
  return tidy(() => {
    const h = tensor2d(batch.states, [batch.texts * batch.length, memory.config.width]);
    const top = forwardBlocks(model, h, {
      batch: batch.texts,
      length: batch.length,
      from: memory.blocks.from,
      to: model.config.layers,
      adapters: memory.adapters(),
    }); // (B·T, C)
    const supervised = gatherRows(top as Tensor2D, batch.rows); // (rows, C)
    return crossEntropy(model, supervised, batch.targets);
  });
}

function textsOf({ trunk, candidate, options }: Training): number[] {
  const wanted: readonly string[] = candidateSources[candidate];
  const texts = trunk.texts.flatMap((text, index) => {
    const trains = wanted.includes(text.source) && text.ids.length > 1;
    return trains && options.visits[text.source] > 0 ? [index] : [];
  });
  if (texts.length === 0) throw new NoTextsError(`there is no text to train "${candidate}" on`);
  return texts;
}

function readBatch({ trunk, options }: Training, chosen: readonly number[]): Batch {
  const texts = chosen.map((index) => {
    const { ids, source, supervisedFrom } = trunk.texts[index]!;
    const whole = options.loss === 'all' && source === 'temp';
    return { ids, supervisedFrom: whole ? 0 : supervisedFrom, states: trunk.readStates(index) };
  });
  return assembleBatch(texts, trunk.index.hidden);
}

function resume(optimizer: Optimizer, saved: Uint8Array | undefined): Progress {
  if (saved === undefined) return { steps: 0, records: [], epochLosses: [] };
  const { meta, arrays } = decodeSnapshot<Progress>(saved);
  optimizer.restore(arrays, meta.steps);
  return meta;
}

function closeEpoch(progress: Progress, perEpoch: number): void {
  const losses = progress.records.slice(-perEpoch).map((record) => record.loss);
  progress.epochLosses.push(losses.reduce((sum, loss) => sum + loss, 0) / perEpoch);
}

/** Whether the last `patience` epochs brought no mean loss that beat the best before by `minDelta`. */
export function stalled(
  losses: readonly number[],
  { patience, minDelta }: TrainingOptions['earlyStop'],
): boolean {
  if (patience === 0 || losses.length <= patience) return false;
  const before = Math.min(...losses.slice(0, -patience));
  return Math.min(...losses.slice(-patience)) > before - minDelta;
}

function nameOf(trunk: Trunk, text: number): string {
  const { source, page } = trunk.texts[text]!;
  return `${source} "${page}" (text ${text})`;
}
