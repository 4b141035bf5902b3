/** Counts words, the most frequent first. */
import { readFileSync, writeFileSync } from 'node:fs';
import { defineStage, Type } from 'mempipe';

export default defineStage({
  description: 'Counts words, the most frequent first.',
  params: Type.Object({
    lowerCase: Type.Boolean({ default: true, description: 'Count "The" and "the" as one.' }),
  }),
  inputs: { text: { kind: 'file' } },
  outputs: { counts: { path: 'counts.txt', display: true } },
  run({ inputs, outputs, params, metric }) {
    const text = readFileSync(inputs.text.path, 'utf8');
    const words = (params.lowerCase ? text.toLowerCase() : text).match(/\p{L}+/gu) ?? [];
    const counts = new Map<string, number>();
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
    const lines = [...counts]
      .sort(([a, many], [b, more]) => more - many || (a < b ? -1 : 1))
      .map(([word, count]) => `${count} ${word}\n`);
    writeFileSync(outputs.counts, lines.join(''));
    metric({ words: words.length, distinct: counts.size });
  },
});
