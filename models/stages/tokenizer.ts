/** A small byte-level BPE vocabulary, learnt from the pretraining corpus. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenizerConfigJson, tokenizerJson, trainBpe } from '../../src/lm/bpe.ts';
import { readCorpus } from '../../src/lm/pretrain/corpus-file.ts';
import { defineStage, Type } from '../../src/pipe/stage.ts';

export default defineStage({
  description: 'Trains the tokenizer on the first texts of a kind.',
  params: Type.Object({
    vocab: Type.Integer({ minimum: 258, default: 1024 }),
    texts: Type.Integer({
      minimum: 1,
      default: 6000,
      description: 'How many texts to learn from.',
    }),
    kind: Type.String({
      default: 'reading',
      description: 'Of which kind: there names are spread evenly, so that none becomes a token.',
    }),
    maxPositions: Type.Integer({ minimum: 1, default: 512 }),
  }),
  inputs: { corpus: { kind: 'file' } },
  outputs: { tokenizer: { path: 'tokenizer/' } },
  run({ params, inputs, outputs, note }) {
    const chosen = readCorpus(inputs.corpus.path).filter(({ kind }) => kind === params.kind);
    const texts = chosen
      .slice(0, params.texts)
      .map(({ pieces }) => pieces.map((piece) => piece.text).join(''));
    const bpe = trainBpe(texts, params.vocab);
    const write = (name: string, value: unknown): void =>
      writeFileSync(join(outputs.tokenizer, name), `${JSON.stringify(value, null, 1)}\n`);
    write('tokenizer.json', tokenizerJson(bpe));
    write('tokenizer_config.json', tokenizerConfigJson(params.maxPositions));
    note(`${bpe.vocab.size} tokens, ${bpe.merges.length} merges`);
  },
});
