/** The embedded base model: a small GPT-NeoX, trained from nothing. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCorpus } from '../../src/lm/pretrain/corpus-file.ts';
import { pretrain } from '../../src/lm/pretrain/pretrain.ts';
import { textRow } from '../../src/lm/pretrain/text-rows.ts';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';
import { every, tokenRate } from '../../src/memory/pace.ts';
import { translateErrors } from '../../src/memory/translate-errors.ts';
import { defineStage, StageError, Type } from '../../src/pipe/stage.ts';
import { startBackend } from '../../src/tensor/backend.ts';

const count = (fallback: number) => Type.Integer({ minimum: 1, default: fallback });
const amount = (fallback: number) => Type.Number({ minimum: 0, default: fallback });

export default defineStage({
  description: 'Trains a GPT-NeoX of any size from nothing, with AdamW and a cosine schedule.',
  params: Type.Object({
    layers: count(6),
    hidden: count(128),
    heads: count(4),
    intermediate: count(512),
    rotaryShare: Type.Number({ exclusiveMinimum: 0, maximum: 1, default: 0.5 }),
    maxPositions: count(512),
    steps: count(1500),
    batch: count(16),
    length: Type.Integer({ minimum: 2, default: 176, description: 'Tokens a text at most.' }),
    learningRate: Type.Number({ exclusiveMinimum: 0, default: 0.003 }),
    warmupSteps: Type.Integer({ minimum: 0, default: 50 }),
    finalShare: Type.Number({ minimum: 0, maximum: 1, default: 0.02 }),
    beta2: Type.Number({ minimum: 0, exclusiveMaximum: 1, default: 0.98 }),
    weightDecay: amount(0.01),
    clipNorm: amount(1),
    answerWeight: Type.Number({
      minimum: 0,
      default: 5,
      description: 'How much a token of an answer counts in the loss; all others count 1.',
    }),
  }),
  inputs: { corpus: { kind: 'file' }, tokenizer: { kind: 'folder' } },
  outputs: { model: { path: 'model/' }, metrics: { path: 'metrics.jsonl' } },
  run: (context) =>
    translateErrors(StageError, async () => {
      const { inputs, outputs, params, seed } = context;
      const { name, reason } = await startBackend();
      context.log(`backend ${name}: ${reason}`);
      const tokenizer = loadTokenizer(inputs.tokenizer.path);
      const bare = (text: string): number[] => tokenizer.encode(text, { bare: true });
      const cut = { endId: tokenizer.eosId ?? 0, limit: params.length };
      const texts = readCorpus(inputs.corpus.path).map(({ pieces }) => textRow(pieces, bare, cut));
      const tokens = texts.reduce((sum, text) => sum + text.ids.length, 0);
      context.note(`${texts.length} texts of ${tokens} tokens, ${params.steps} steps`);
      const { beta2, weightDecay, clipNorm } = params;
      const adam = {
        kind: 'adamw',
        beta1: 0.9,
        beta2,
        epsilon: 1e-8,
        weightDecay,
        clipNorm,
      } as const;
      const rate = tokenRate();
      const records = await pretrain(
        {
          shape: { ...params, vocab: tokenizer.size },
          texts,
          options: { ...params, adam, seed },
          scratch: context.scratch,
          output: outputs.model,
        },
        {
          saved: context.checkpoint.load(),
          saveDue: every(60_000),
          save: (state) => context.checkpoint.save(state),
          stepped: ({ step, loss, tokens }) =>
            context.progress(step + 1, params.steps, 'steps', {
              loss,
              tokensPerSecond: rate(tokens),
            }),
        },
      );
      for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
        copyFileSync(join(inputs.tokenizer.path, file), join(outputs.model, file));
      }
      writeFileSync(outputs.metrics, records.map((item) => `${JSON.stringify(item)}\n`).join(''));
      const ending = records.slice(-20);
      const last = ending.reduce((sum, item) => sum + item.loss, 0) / ending.length;
      context.metric({ lastLoss: last });
      context.note(`loss ${last.toFixed(3)} over the last ${ending.length} steps`);
    }),
});
