/** A memory beside a frozen model, trained on pages, on answered questions, or on both. */
import { writeFileSync } from 'node:fs';
import { readModelConfig } from '../src/lm/config.ts';
import { loadModel } from '../src/lm/model.ts';
import { modelAmong } from '../src/lm/model-place.ts';
import { loadTokenizer } from '../src/lm/tokenizer.ts';
import { computingTrunk } from '../src/lm/trunk/computing-trunk.ts';
import { isOrigin, knownDigestBelow } from '../src/lm/trunk/origin.ts';
import { openTrunk, type Trunk } from '../src/lm/trunk/trunk.ts';
import { noteMemory } from '../src/memory/adapter/config.ts';
import { type BlockRange, blockNumbers, memoryBlocks, noteLocation } from '../src/memory/blocks.ts';
import { saveMemory } from '../src/memory/files.ts';
import { initialMemory } from '../src/memory/initial.ts';
import type { Memory } from '../src/memory/memory.ts';
import { every, tokenRate } from '../src/memory/pace.ts';
import { type Trained, trainMemory } from '../src/memory/train.ts';
import { lossesOf, writeEvents, writeMetrics } from '../src/memory/training-log.ts';
import { translateErrors } from '../src/memory/translate-errors.ts';
import { defineStage, type StageContext, StageError, Type } from '../src/pipe/stage.ts';
import type { AdamOptions } from '../src/tensor/adam.ts';
import { startBackend } from '../src/tensor/backend.ts';

const share = (fallback: number) => Type.Number({ minimum: 0, default: fallback });

export default defineStage({
  description: 'Trains the memory of one candidate on top of the stored states.',
  params: Type.Object({
    candidate: Type.Union([Type.Literal('doc'), Type.Literal('temp'), Type.Literal('doctemp')], {
      description: 'What is memorised: pages, answered questions in the template, or both.',
    }),
    kind: Type.Union([Type.Literal('adapter'), Type.Literal('lora'), Type.Literal('full')], {
      default: 'adapter',
      description:
        'adapter: the note’s memory on the blocks’ outputs. lora: low-rank updates inside of the same blocks. full: own weights from the first of them upwards.',
    }),
    epochs: Type.Integer({
      minimum: 0,
      default: 25,
      description: '0 leaves the memory untrained.',
    }),
    batch: Type.Integer({ minimum: 1, default: 4, description: 'Texts at a time.' }),
    accumulate: Type.Integer({
      minimum: 1,
      default: 1,
      description: 'Batches a step: the gradient is that of one batch so many times as large.',
    }),
    learningRate: Type.Number({ exclusiveMinimum: 0, default: 0.001 }),
    warmupSteps: Type.Integer({ minimum: 0, default: 10 }),
    schedule: Type.Union([Type.Literal('cosine'), Type.Literal('constant')], {
      default: 'cosine',
      description:
        'The learning rate after the warm-up. A constant one lets a training with more epochs go on from one with fewer.',
    }),
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
    hidden: Type.Integer({
      minimum: 1,
      default: noteMemory.hidden,
      description: 'Width of an adapter.',
    }),
    gateInit: Type.Number({
      default: noteMemory.gateInit,
      description: 'Of an adapter; 0 starts as an identity.',
    }),
    norm: Type.Boolean({ default: noteMemory.norm, description: 'LayerNorm in an adapter.' }),
    rank: Type.Integer({
      minimum: 0,
      default: 0,
      description: 'Of lora; 0 takes as many parameters as an adapter of this width has.',
    }),
    trainHead: Type.Boolean({
      default: true,
      description: 'Whether full trains the head too; one that is tied to the embedding never is.',
    }),
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
        description:
          'Stops after `patience` epochs whose mean loss was not the best by more than `minDelta`, and keeps the best; 0 never stops.',
      },
    ),
  }),
  // The cosine ends where the training does: with it, fewer epochs are no beginning of more.
  extendable: { param: 'epochs', when: { schedule: 'constant' } },
  inputs: {
    weights: { kind: 'files', description: 'The folder of the model that was encoded with.' },
    states: { kind: 'folder', refuse: ['dev'] },
  },
  outputs: {
    memory: { path: 'memory/' },
    metrics: { path: 'metrics.jsonl' },
    tensorboard: { path: 'tensorboard/', description: 'For `tensorboard --logdir`.' },
    settings: { path: 'settings.json', description: 'For the report’s account of the method.' },
  },
  run: (context) =>
    translateErrors(StageError, async () => {
      const { params, inputs, outputs, seed } = context;
      const backend = await startBackend();
      context.metric({ backend: backend.name });
      context.log(`backend ${backend.name}: ${backend.reason}`);
      const folder = modelAmong(inputs.weights.path, inputs.weights.files);
      const stored = openTrunk(inputs.states.path);
      const place = { model: folder, from: stored.index.from };
      const memo = context.memo('weights below', 1);
      requireSameWeights(inputs.states.path, knownDigestBelow(memo, inputs.weights.files, place));
      const computes = stored.index.states === 'none';
      const trunk = computes ? await computingTrunk(stored, folder) : stored;
      const { layers } = readModelConfig(folder);
      const blocks = blocksAbove(trunk, memoryBlocks(layers, params.location));
      const memory = initialMemory(params, { model: folder, blocks, seed });
      // `full` has weights of its own for all blocks above: the frozen ones would never be used.
      const from = params.kind === 'full' ? layers : blocks.from;
      const model = await loadModel(folder, { from, to: layers, embedding: false, head: true });
      const options = { ...params, seed, adam: adamOptions(params) };
      const rate = tokenRate();
      const trained = await trainMemory(
        { model, trunk, memory, candidate: params.candidate, options },
        {
          saved: context.checkpoint.load(),
          saveDue: every(15_000),
          save: (state) => context.checkpoint.save(state),
          stepped: ({ step, loss }, total, tokens) =>
            context.progress(step + 1, total, 'steps', { loss, tokensPerSecond: rate(tokens) }),
          wordsOf: (ids) => loadTokenizer(folder).decode(ids),
        },
      );
      await saveMemory(memory, outputs.memory);
      writeMetrics(outputs.metrics, trained.records);
      writeEvents(outputs.tensorboard, trained);
      writeFileSync(outputs.settings, `${JSON.stringify({ ...params, seed }, null, 2)}\n`);
      trunk.close();
      tell(context, memory, trained);
    }),
});

/** Notes and metrics: what was trained, for how long, and which epoch's memory it is. */
function tell(
  context: Pick<StageContext<object, never, never>, 'note' | 'metric'>,
  memory: Memory,
  { records, epochLosses, resumedSteps, best, stoppedEarly }: Trained,
): void {
  const losses = lossesOf(records);
  const { kind, parameters } = memory;
  const epochs = epochLosses.length;
  const kept = best === undefined ? {} : { bestEpoch: best + 1, stoppedEarly };
  context.metric({ ...losses, parameters, steps: records.length, epochs, ...kept });
  context.note(
    `${kind} of blocks ${blockNumbers(memory.blocks).join(', ')}, ${parameters} parameters: ` +
      `${records.length} steps, loss ${losses.firstLoss.toFixed(3)} → ${losses.lastLoss.toFixed(3)}`,
  );
  if (resumedSteps > 0) context.note(`resumed after step ${resumedSteps}`);
  if (best === undefined) return;
  const end = stoppedEarly ? 'stopped early after' : 'trained for';
  const loss = epochLosses[best]!.toFixed(3);
  context.note(`${end} ${epochs} epochs; kept the memory of epoch ${best + 1}, mean loss ${loss}`);
}

/** A memory trained on another model's states would train well and mean nothing. */
function requireSameWeights(states: string, below: string): void {
  if (isOrigin(states, below)) return;
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
