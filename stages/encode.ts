/** What never changes while memories are trained: the hidden states below the first memory block. */
import { readFileSync } from 'node:fs';
import { readModelConfig } from '../src/lm/config.ts';
import { blockParameters } from '../src/lm/footprint.ts';
import type { ModelConfig } from '../src/lm/model-config.ts';
import { modelAmong } from '../src/lm/model-place.ts';
import { loadTokenizer } from '../src/lm/tokenizer.ts';
import { memoStates } from '../src/lm/trunk/memo-states.ts';
import { knownDigestBelow, writeOrigin } from '../src/lm/trunk/origin.ts';
import { documentTexts, exampleText } from '../src/lm/trunk/texts.ts';
import { type StateFormat, stateBytes, type TrunkText } from '../src/lm/trunk/trunk.ts';
import { judgeTrunk } from '../src/lm/trunk/trunk-cost.ts';
import { StateRangeError, writeTrunk } from '../src/lm/trunk/write-trunk.ts';
import { blockNumbers, memoryBlocks, noteLocation } from '../src/memory/blocks.ts';
import { every } from '../src/memory/pace.ts';
import { translateErrors } from '../src/memory/translate-errors.ts';
import { defineStage, StageError, type StageInput, Type } from '../src/pipe/stage.ts';
import { startBackend } from '../src/tensor/backend.ts';

export default defineStage({
  description: 'Runs all training texts through the frozen blocks below the first memory, once.',
  params: Type.Object({
    chunkTokens: Type.Integer({
      minimum: 2,
      default: 256,
      description: 'Tokens of a page that are learnt as one text.',
    }),
    chunkOverlap: Type.Integer({
      minimum: 0,
      default: 32,
      description: 'Tokens that a chunk repeats from the one before, as context.',
    }),
    location: Type.Object(
      {
        fromPercent: Type.Integer({ minimum: 0, maximum: 100, default: noteLocation.fromPercent }),
        toPercent: Type.Integer({ minimum: 1, maximum: 100, default: noteLocation.toPercent }),
      },
      { default: noteLocation, description: 'The depth at which memories will be added.' },
    ),
    batch: Type.Integer({ minimum: 1, default: 16, description: 'Texts at a time.' }),
    dtype: Type.Union([Type.Literal('F32'), Type.Literal('F16')], {
      default: 'F32',
      description: 'F32 loses nothing; F16 takes half the bytes and rounds each value to 11 bits.',
    }),
    storage: Type.Union([Type.Literal('auto'), Type.Literal('always'), Type.Literal('never')], {
      default: 'auto',
      description:
        'auto stores the states where reuses × forward > write + reuses × read, within the limit. Without them train computes them at every step.',
    }),
    reuses: Type.Integer({
      minimum: 0,
      default: 49,
      description: 'How often a text’s states are used again: 25 epochs of 2 candidates, less one.',
    }),
    limitGiB: Type.Number({ minimum: 0, default: 64, description: 'The most to store.' }),
    gigaflops: Type.Number({
      exclusiveMinimum: 0,
      default: 50,
      description:
        'What the machine computes a second, for auto: stated, since measured would vary.',
    }),
    diskMiB: Type.Number({
      exclusiveMinimum: 0,
      default: 300,
      description: 'What its disk writes or reads a second, for auto.',
    }),
  }),
  inputs: {
    weights: { kind: 'files', description: 'The folder of a model, or a GGUF file.' },
    documents: { kind: 'file', refuse: ['dev'] },
    examples: { kind: 'file', refuse: ['dev'] },
  },
  outputs: { states: { path: 'states/' } },
  run: (context) =>
    translateErrors(StageError, async () => {
      const { inputs, params } = context;
      const place = modelAmong(inputs.weights.path, inputs.weights.files);
      const config = readModelConfig(place);
      const tokenizer = loadTokenizer(place);
      const blocks = memoryBlocks(config.layers, params.location);
      const limit = config.maxPositions;
      const chunks = { ...params, chunkTokens: Math.min(params.chunkTokens, limit) };
      const documents = readLines<{ page: string; text: string }>(inputs.documents);
      const examples = readLines<{ page: string; prompt: string; answer: string }>(inputs.examples);
      const texts = [
        ...documents.flatMap((document) => documentTexts(document, tokenizer.encode, chunks)),
        ...examples.map((example) => exampleText(example, tokenizer.encode, limit)),
      ];
      const backend = await startBackend();
      context.metric({ backend: backend.name });
      context.log(`backend ${backend.name}: ${backend.reason}`);
      const below = knownDigestBelow(context.memo('weights below', 1), inputs.weights.files, {
        model: place,
        from: blocks.from,
      });
      const states = chooseStates(context, { config, texts, from: blocks.from });
      const { index, computed, relativeError } = await writeTrunk(context.outputs.states, {
        modelFolder: place,
        from: blocks.from,
        texts,
        batch: params.batch,
        states,
        cache: memoStates(context.memo('trunk states', 1), `${below} on ${backend.name}`),
        resumption: {
          saved: context.checkpoint.load(),
          saveDue: every(30_000),
          save: (state) => context.checkpoint.save(state),
        },
        progress: (done, total) => context.progress(done, total, 'texts × blocks'),
      }).catch(explainRange);
      writeOrigin(context.outputs.states, below);
      context.log(`computed the states of ${computed} texts, knew those of the others`);
      if (states === 'F16') {
        context.note(
          `F16: states rounded by ${relativeError.toExponential(1)} of their size (rms)`,
        );
      }
      context.note(
        `memory blocks ${blockNumbers(blocks).join(', ')} of ${config.layers}; ` +
          `${index.count} texts (${documents.length} pages, ${examples.length} examples), ` +
          `${index.rows} tokens`,
      );
    }),
});

function readLines<T>(input: StageInput): T[] {
  const lines = readFileSync(input.path, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as T);
}

/** The gate: by arithmetic, so that the same inputs always make the same artifact. */
function chooseStates(
  context: { readonly params: Gate; note(text: string): void },
  { config, texts, from }: { config: ModelConfig; texts: readonly TrunkText[]; from: number },
): StateFormat | 'none' {
  const { dtype, storage, reuses, limitGiB, gigaflops, diskMiB } = context.params;
  const { pays, sizeBytes, forward, transfer } = judgeTrunk(
    {
      tokens: texts.reduce((sum, { ids }) => sum + ids.length, 0),
      hidden: config.hidden,
      parameters: from * blockParameters(config),
      reuses,
      bytesPerValue: stateBytes[dtype],
      flops: gigaflops * 1e9,
      diskBytes: diskMiB * 2 ** 20,
    },
    limitGiB * 2 ** 30,
  );
  const stores = storage === 'always' || (storage === 'auto' && pays);
  context.note(
    `states ${stores ? `stored as ${dtype}` : 'not stored'}: ${(sizeBytes / 2 ** 20).toFixed(1)} MiB, ` +
      `by arithmetic ${forward.toPrecision(2)} s to compute and ${transfer.toPrecision(2)} s to read`,
  );
  return stores ? dtype : 'none';
}

interface Gate {
  readonly dtype: StateFormat;
  readonly storage: 'auto' | 'always' | 'never';
  readonly reuses: number;
  readonly limitGiB: number;
  readonly gigaflops: number;
  readonly diskMiB: number;
}

function explainRange(error: unknown): never {
  if (!(error instanceof StateRangeError)) throw error;
  throw new StageError(error.message, { hint: 'use dtype: F32' });
}
