/**
 * Trains all weights of a GPT-NeoX model from nothing on a stream of tokens. Knows no stage and no
 * clock; what the texts say is none of its business.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Scalar } from '@tensorflow/tfjs-core';
import { tidy, type Variable } from '@tensorflow/tfjs-core';
import type { AdamOptions } from '../../tensor/adam.ts';
import { gatherRows } from '../../tensor/gather-rows.ts';
import { createOptimizer, type Optimizer, type TrainedVariable } from '../../tensor/optimizer.ts';
import { learningRateAt } from '../../tensor/schedule.ts';
import { decodeSnapshot, encodeSnapshot } from '../../tensor/snapshot.ts';
import { weightedSum } from '../../tensor/weighted-sum.ts';
import { crossEntropy, embed, forwardBlocks, loadModel, type Model } from '../model.ts';
import { exportParameters, parameterName } from '../weights/parameters.ts';
import { writeSafetensors } from '../weights/write-safetensors.ts';
import { configJson, type ModelShape, writeInitialModel } from './initial-model.ts';
import { batchOfStep, type PretrainBatch, type TextRow } from './text-rows.ts';

export interface PretrainOptions {
  readonly steps: number;
  /** Texts a step. */
  readonly batch: number;
  readonly learningRate: number;
  readonly warmupSteps: number;
  /** The cosine ends at this share of the peak. */
  readonly finalShare: number;
  readonly adam: AdamOptions;
  /** How much a token of an answer counts in the mean; every other counts 1. */
  readonly answerWeight: number;
  readonly seed: number;
}

export interface PretrainRecord {
  readonly step: number;
  readonly loss: number;
  /** Positions computed, padding included. */
  readonly tokens: number;
  readonly learningRate: number;
  readonly gradNorm: number;
}

export interface PretrainHooks {
  readonly saved: Uint8Array | undefined;
  saveDue(): boolean;
  save(state: Uint8Array): void;
  stepped(record: PretrainRecord): void;
}

export interface PretrainJob {
  readonly shape: ModelShape;
  readonly texts: readonly TextRow[];
  readonly options: PretrainOptions;
  /** For the untrained model's files. */
  readonly scratch: string;
  /** Receives `config.json` and `model.safetensors` (F16). */
  readonly output: string;
}

/** Trains and writes the model; returns a record of every step. Throws NotFiniteError. */
export async function pretrain(
  job: PretrainJob,
  hooks: PretrainHooks,
): Promise<readonly PretrainRecord[]> {
  const initial = join(job.scratch, 'initial');
  writeInitialModel(initial, job.shape, job.options.seed);
  const part = { from: 0, to: job.shape.layers, embedding: true, head: true, trainable: true };
  const model = await loadModel(initial, part);
  try {
    const optimizer = await createOptimizer(trainedOf(model), job.options.adam);
    const records = resume(optimizer, hooks.saved);
    while (records.length < job.options.steps) {
      records.push(await trainStep(model, optimizer, job, records.length));
      hooks.stepped(records.at(-1)!);
      if (hooks.saveDue())
        hooks.save(encodeSnapshot({ meta: records, arrays: optimizer.arrays() }));
    }
    await writeModel(model, job);
    return records;
  } finally {
    model.dispose();
  }
}

function resume(optimizer: Optimizer, saved: Uint8Array | undefined): PretrainRecord[] {
  if (saved === undefined) return [];
  const { meta, arrays } = decodeSnapshot<PretrainRecord[]>(saved);
  optimizer.restore(arrays, meta.length);
  return meta;
}

/** Matrices decay; biases and norms do not. */
function trainedOf(model: Model): TrainedVariable[] {
  return model.parameters.map((parameter) => ({
    name: parameterName(parameter),
    variable: parameter.tensor as Variable,
    decays: parameter.kind !== 'vector',
  }));
}

async function trainStep(
  model: Model,
  optimizer: Optimizer,
  { texts, options }: PretrainJob,
  step: number,
): Promise<PretrainRecord> {
  const batch = batchOfStep(texts, step, options);
  const learningRate = rateAt(step, options);
  const { loss, gradNorm } = await optimizer.step(
    () => batchLoss(model, batch, options.answerWeight),
    learningRate,
  );
  return { step, loss, tokens: batch.ids.length, learningRate, gradNorm };
}

/** The cosine schedule, raised so that it ends at `finalShare` of the peak. */
function rateAt(step: number, options: PretrainOptions): number {
  const { learningRate: peak, warmupSteps, steps: totalSteps, finalShare } = options;
  const rate = learningRateAt(step, { peak, warmupSteps, totalSteps });
  return step < warmupSteps ? rate : finalShare * peak + (1 - finalShare) * rate;
}

/** Mean loss over the tokens of all texts, those of answers weighing `answerWeight`. */
function batchLoss(model: Model, batch: PretrainBatch, answerWeight: number): Scalar {
  return tidy(() => {
    const h = embed(model, batch.ids); // (B·T, C)
    const top = forwardBlocks(model, h, { batch: batch.texts, length: batch.length });
    const all = crossEntropy(model, gatherRows(top, batch.rows), batch.targets);
    const extra = (answerWeight - 1) * batch.answerRows.length;
    if (extra === 0) return all;
    const answers = crossEntropy(model, gatherRows(top, batch.answerRows), batch.answerTargets);
    const share = extra / (batch.rows.length + extra);
    return weightedSum(all, answers, [1 - share, share]);
  });
}

async function writeModel(model: Model, { shape, output }: PretrainJob): Promise<void> {
  mkdirSync(output, { recursive: true });
  const tensors = await exportParameters(model.parameters);
  writeSafetensors(
    join(output, 'model.safetensors'),
    tensors.map((tensor) => ({ ...tensor, dtype: 'F16' as const })),
    { format: 'pt' },
  );
  const config = configJson(shape, 'float16');
  writeFileSync(join(output, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}
