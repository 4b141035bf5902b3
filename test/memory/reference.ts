/** The frozen reference numbers of tools/make-fixtures.py, as a memory and a batch to train it on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { embed, forwardBlocks, loadModel, type Model } from '../../src/lm/model.ts';
import { openWeights, type WeightSource } from '../../src/lm/weights/safetensors.ts';
import { storedAdapter } from '../../src/memory/adapter/memory.ts';
import type { Batch } from '../../src/memory/batch.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';
import type { Memory } from '../../src/memory/memory.ts';

export interface TrainingReference {
  readonly name: 'adam' | 'adamw';
  readonly weightDecay: number;
  readonly clip: number;
  readonly losses: readonly number[];
  readonly gradientNorms: readonly number[];
  readonly learningRates: readonly number[];
}

export interface Reference {
  readonly ids: readonly (readonly number[])[];
  readonly supervised: readonly (readonly [text: number, position: number])[];
  readonly memoryLoss: number;
  readonly memoryBlocks: readonly number[];
  readonly memoryHidden: number;
  readonly schedule: {
    readonly learningRate: number;
    readonly warmup: number;
    readonly steps: number;
  };
  readonly training: readonly TrainingReference[];
}

export interface Case {
  readonly reference: Reference;
  readonly tensors: WeightSource;
  readonly model: Model;
  readonly batch: Batch;
  /** A fresh memory with the reference's starting values. */
  memory(): Memory;
}

export async function loadCase(name: string): Promise<Case> {
  const folder = join(import.meta.dirname, '..', 'fixtures', name);
  const reference = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8')) as Reference;
  const tensors = openWeights(folder, 'reference.safetensors');
  const model = await loadWhole(folder);
  const blocks = memoryBlocks(model.config.layers);
  const config = {
    width: model.config.hidden,
    hidden: reference.memoryHidden,
    gateInit: 1,
    norm: true,
    normEps: 1e-5,
  };
  return {
    reference,
    tensors,
    model,
    batch: await batchOf(model, reference, blocks.from),
    memory: () =>
      storedAdapter(config, blocks, (name) => tensors.read(name.replace('blocks.', 'memory.'))),
  };
}

async function loadWhole(folder: string): Promise<Model> {
  const { num_hidden_layers: layers } = JSON.parse(
    readFileSync(join(folder, 'config.json'), 'utf8'),
  ) as { num_hidden_layers: number };
  return loadModel(folder, { from: 0, to: layers, embedding: true, head: true });
}

async function batchOf(model: Model, reference: Reference, from: number): Promise<Batch> {
  const texts = reference.ids.length;
  const length = reference.ids[0]!.length;
  const h = embed(model, Int32Array.from(reference.ids.flat()));
  const states = forwardBlocks(model, h, { batch: texts, length, from: 0, to: from });
  const { supervised, ids } = reference;
  const batch = {
    texts,
    length,
    states: (await states.data()) as Float32Array,
    rows: Int32Array.from(supervised.map(([text, position]) => text * length + position)),
    targets: Int32Array.from(supervised.map(([text, position]) => ids[text]![position + 1]!)),
  };
  h.dispose();
  states.dispose();
  return batch;
}
