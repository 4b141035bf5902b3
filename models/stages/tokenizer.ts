/** A small byte-level BPE vocabulary, learnt from texts like those of the corpus. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tokenizerConfigJson, tokenizerJson, trainBpe } from '../../src/lm/bpe.ts';
import { readCorpus } from '../../src/lm/pretrain/corpus-file.ts';
import { defineStage, Type } from '../../src/pipe/stage.ts';

export default defineStage({
  description: 'Trains the tokenizer.',
  params: Type.Object({
    vocab: Type.Integer({ minimum: 258, default: 768 }),
    maxPositions: Type.Integer({ minimum: 1, default: 512 }),
  }),
  inputs: { texts: { kind: 'file' } },
  outputs: { tokenizer: { path: 'tokenizer/' } },
  run({ params, inputs, outputs, note }) {
    const texts = readCorpus(inputs.texts.path).map(({ pieces }) =>
      pieces.map((piece) => piece.text).join(''),
    );
    const bpe = trainBpe(texts, params.vocab);
    const write = (name: string, value: unknown): void =>
      writeFileSync(join(outputs.tokenizer, name), `${JSON.stringify(value, null, 1)}\n`);
    write('tokenizer.json', tokenizerJson(bpe));
    write('tokenizer_config.json', tokenizerConfigJson(params.maxPositions));
    note(`${bpe.vocab.size} tokens, ${bpe.merges.length} merges`);
  },
});
