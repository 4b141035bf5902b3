/** A memory beside a frozen model, trained on pages, on answered questions, or on both. */
import { writeFileSync } from 'node:fs';
import { readModelConfig } from '../src/lm/config.ts';
import { loadModel } from '../src/lm/model.ts';
import { modelAmong } from '../src/lm/model-place.ts';
import { isOrigin, type WeightFile } from '../src/lm/trunk/origin.ts';
import { openTrunk, type Trunk } from '../src/lm/trunk/trunk.ts';
import { type BlockRange, blockNumbers, memoryBlocks, noteLocation } from '../src/memory/blocks.ts';
import { noteMemory } from '../src/memory/config.ts';
import { saveMemory } from '../src/memory/files.ts';
import { initialMemory } from '../src/memory/memory.ts';
import { every, tokenRate } from '../src/memory/pace.ts';
import { type StepRecord, trainMemory } from '../src/memory/train.ts';
import { translateErrors } from '../src/memory/translate-errors.ts';
import { defineStage, StageError, Type } from '../src/pipe/stage.ts';
import type { AdamOptions } from '../src/tensor/adam.ts';
import { startBackend } from '../src/tensor/backend.ts';

const share = (fallback: number) => Type.Number({ minimum: 0, default: fallback });

export default defineStage({
  description: 'Trains the memory of one candidate on top of the stored states.',
  params: Type.Object({
    candidate: Type.Union([Type.Literal('doc'), Type.Literal('temp'), Type.Literal('doctemp')], {
      description: 'What is memorised: pages, answered questions in the template, or both.',
    }),
    epochs: Type.Integer({ minimum: 0, default: 25, description: '0 leaves the memory random.' }),
    batch: Type.Integer({ minimum: 1, default: 4, description: 'Texts a step.' }),
    learningRate: Type.Number({ exclusiveMinimum: 0, default: 0.001 }),
    warmupSteps: Type.Integer({ minimum: 0, default: 10 }),
    optimizer: Type.Union([Type.Literal('adam'), Type.Literal('adamw')], {
      default: 'adam',
      description: 'adam adds the weight decay to the gradient, adamw shrinks the weights.',
    }),
    weightDecay: share(0.05),
    decay: Type.Union(
      [
        Type.Literal('all'),
        Type.Literal('no-norm-gate'),
        Type.Literal('weights'),
        Type.Literal('none'),
      ],
      { default: 'all', description: 'Which parameters decay.' },
    ),
    clipNorm: Type.Number({ exclusiveMinimum: 0, default: 10 }),
    hidden: Type.Integer({ minimum: 1, default: noteMemory.hidden }),
    gateInit: Type.Number({ default: noteMemory.gateInit }),
    norm: Type.Boolean({ default: noteMemory.norm }),
    location: Type.Object(
      {
        fromPercent: Type.Integer({ minimum: 0, maximum: 100, default: noteLocation.fromPercent }),
        toPercent: Type.Integer({ minimum: 1, maximum: 100, default: noteLocation.toPercent }),
      },
      { default: noteLocation, description: 'The depth; encode must be given the same.' },
    ),
    loss: Type.Union([Type.Literal('all'), Type.Literal('answer')], {
      default: 'all',
      description: 'Of an example, train every token or only those of the answer.',
    }),
    visits: Type.Object(
      { doc: share(1), temp: share(1) },
      {
        default: { doc: 1, temp: 1 },
        description: 'How often an epoch visits a text of each kind; fractions are allowed.',
      },
    ),
    order: Type.Union(
      [Type.Literal('shuffled'), Type.Literal('doc-first'), Type.Literal('temp-first')],
      { default: 'shuffled' },
    ),
    earlyStop: Type.Object(
      { patience: Type.Integer({ minimum: 0, default: 0 }), minDelta: share(0) },
      {
        default: { patience: 0, minDelta: 0 },
        description: 'Stops after so many epochs without a better mean loss; 0 never stops.',
      },
    ),
  }),
  inputs: {
    weights: { kind: 'files', description: 'The folder of the model that was encoded with.' },
    states: { kind: 'folder', refuse: ['dev'] },
  },
  outputs: {
    memory: { path: 'memory/' },
    metrics: { path: 'metrics.jsonl' },
    settings: { path: 'settings.json', description: 'For the report’s account of the method.' },
  },
  run: (context) =>
    translateErrors(StageError, async () => {
      const { params, inputs, outputs, seed } = context;
      const backend = await startBackend();
      context.log(`backend ${backend.name}: ${backend.reason}`);
      requireSameWeights(inputs.states.path, inputs.weights.files);
      const trunk = openTrunk(inputs.states.path);
      const place = modelAmong(inputs.weights.path, inputs.weights.files);
      const { layers, hidden: width } = readModelConfig(place);
      const blocks = blocksAbove(trunk, memoryBlocks(layers, params.location));
      const top = { from: blocks.from, to: layers, embedding: false, head: true };
      const model = await loadModel(place, top);
      const { hidden, gateInit, norm, candidate } = params;
      const memory = initialMemory({ ...noteMemory, hidden, gateInit, norm, width }, blocks, seed);
      const options = { ...params, seed, adam: adamOptions(params) };
      const rate = tokenRate();
      const records = await trainMemory(
        { model, trunk, memory, candidate, options },
        {
          saved: context.checkpoint.load(),
          saveDue: every(15_000),
          save: (state) => context.checkpoint.save(state),
          stepped: ({ step, loss }, total, tokens) =>
            context.progress(step + 1, total, 'steps', { loss, tokensPerSecond: rate(tokens) }),
        },
      );
      await saveMemory(memory, outputs.memory);
      writeFileSync(outputs.metrics, records.map((item) => `${JSON.stringify(item)}\n`).join(''));
      writeFileSync(outputs.settings, `${JSON.stringify({ ...params, seed }, null, 2)}\n`);
      trunk.close();
      const losses = lossesOf(records);
      context.metric(losses);
      context.note(
        `memory of blocks ${blockNumbers(blocks).join(', ')}: ${records.length} steps, ` +
          `loss ${losses.firstLoss.toFixed(3)} → ${losses.lastLoss.toFixed(3)}`,
      );
    }),
});

/** A memory trained on another model's states would train well and mean nothing. */
function requireSameWeights(states: string, weights: readonly WeightFile[]): void {
  if (isOrigin(states, weights)) return;
  throw new StageError('the states were computed with other weights than these', {
    hint: 'give encode and train the same model folder as `weights`',
  });
}

/** The memory must begin where the stored states end. */
function blocksAbove(trunk: Trunk, blocks: BlockRange): BlockRange {
  const { from } = trunk.index;
  if (blocks.from === from) return blocks;
  throw new StageError(`the states enter block ${from}, the memory begins at ${blocks.from}`, {
    hint: 'give encode and train the same location',
  });
}

function adamOptions(params: {
  optimizer: 'adam' | 'adamw';
  weightDecay: number;
  clipNorm: number;
}): AdamOptions {
  const { optimizer: kind, weightDecay, clipNorm } = params;
  return { kind, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay, clipNorm };
}

/** Mean losses of the first and the last steps, at most 20 of each; 0 without a step. */
function lossesOf(records: readonly StepRecord[]): { firstLoss: number; lastLoss: number } {
  const mean = (part: readonly StepRecord[]): number =>
    part.reduce((sum, item) => sum + item.loss, 0) / Math.max(1, part.length);
  return { firstLoss: mean(records.slice(0, 20)), lastLoss: mean(records.slice(-20)) };
}
