/** What never changes while memories are trained: the hidden states below the first memory block. */
import { readFileSync } from 'node:fs';
import { readModelConfig } from '../src/lm/config.ts';
import { modelAmong } from '../src/lm/model-place.ts';
import { loadTokenizer } from '../src/lm/tokenizer.ts';
import { memoStates } from '../src/lm/trunk/memo-states.ts';
import { originOf, writeOrigin } from '../src/lm/trunk/origin.ts';
import { documentTexts, exampleText } from '../src/lm/trunk/texts.ts';
import { writeTrunk } from '../src/lm/trunk/write-trunk.ts';
import { blockNumbers, memoryBlocks, noteLocation } from '../src/memory/blocks.ts';
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
      const index = await writeTrunk(context.outputs.states, {
        modelFolder: place,
        from: blocks.from,
        texts,
        batch: params.batch,
        cache: memoStates(
          context.memo('trunk states', 1),
          statesKey(inputs.weights, blocks.from, backend.name),
        ),
        progress: (done, total) => context.progress(done, total, 'texts × blocks'),
      });
      writeOrigin(context.outputs.states, inputs.weights.files);
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

/** What a text's states depend on beside its ids. */
function statesKey(weights: StageInput, from: number, backend: string): string {
  return [`block ${from} on ${backend}`, ...originOf(weights.files)].join('\n');
}
