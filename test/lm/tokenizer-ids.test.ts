/** Ten thousand strings of many kinds, token for token as Hugging Face's own library encodes them. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';
import { tokenizerStrings } from '../../tools/tokenizer-strings.mjs';

const root = join(import.meta.dirname, '..', '..');
const reference: {
  readonly count: number;
  readonly seed: number;
  readonly part: number;
  readonly digests: Readonly<Record<string, readonly string[]>>;
} = JSON.parse(readFileSync(join(root, 'test', 'fixtures', 'tokenizer-ids.json'), 'utf8'));

const strings = tokenizerStrings(reference.count, reference.seed);

it.each(Object.keys(reference.digests))('%s', (folder) => {
  const { encode } = loadTokenizer(join(root, folder));
  const found: string[] = [];
  for (let start = 0; start < strings.length; start += reference.part) {
    const hash = createHash('sha256');
    for (const text of strings.slice(start, start + reference.part)) {
      const ids = encode(text);
      hash.update(Int32Array.of(ids.length, ...ids));
    }
    found.push(hash.digest('hex').slice(0, 16));
  }
  expect(found).toEqual(reference.digests[folder]);
});
