/** The texts that the small base model learns the language and the answer format from. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { corpus, corpusSettings } from '../../data/world/corpus.ts';
import { defineStage, Type } from '../../src/pipe/stage.ts';

export default defineStage({
  description: 'Writes pages and answered prompts about worlds that share no name with the sample.',
  params: Type.Object({
    texts: Type.Integer({ minimum: 1, default: 31_000 }),
  }),
  inputs: {},
  outputs: { texts: { path: 'corpus.jsonl' } },
  run(context) {
    const file = openSync(context.outputs.texts, 'w');
    const stream = corpus(corpusSettings);
    for (let text = 0; text < context.params.texts; text++) {
      writeSync(file, `${JSON.stringify(stream.next().value)}\n`);
      if (text % 1000 === 0) context.progress(text, context.params.texts, 'texts');
    }
    closeSync(file);
    context.note(`${context.params.texts} texts`);
  },
});
