/** The texts that the small base model learns the language and the answer format from. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { corpus, corpusSettings, vocabularyTexts } from '../../data/world/corpus.ts';
import { defineStage, Type } from '../../src/pipe/stage.ts';

export default defineStage({
  description: 'Writes pages and answered prompts about worlds that share no name with the sample.',
  params: Type.Object({
    texts: Type.Integer({ minimum: 1, default: 30_000 }),
    vocabularyTexts: Type.Integer({
      minimum: 1,
      default: 4000,
      description: 'Texts to learn a vocabulary from, in which no name comes up often.',
    }),
  }),
  inputs: {},
  outputs: { texts: { path: 'corpus.jsonl' }, vocabulary: { path: 'vocabulary.jsonl' } },
  run({ params, outputs, note }) {
    writeFirst(outputs.texts, corpus(corpusSettings), params.texts);
    writeFirst(outputs.vocabulary, vocabularyTexts(corpusSettings), params.vocabularyTexts);
    note(`${params.texts} texts`);
  },
});

/** Writes the first `count` items, one JSON line each. */
function writeFirst(path: string, items: Iterable<unknown>, count: number): void {
  const file = openSync(path, 'w');
  let left = count;
  for (const item of items) {
    writeSync(file, `${JSON.stringify(item)}\n`);
    left -= 1;
    if (left === 0) break;
  }
  closeSync(file);
}
