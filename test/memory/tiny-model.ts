/** A small random model folder with a tokenizer, for tests that need files rather than sense. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { tokenizerConfigJson, tokenizerJson, trainBpe } from '../../src/lm/bpe.ts';
import { writeInitialModel } from '../../src/lm/pretrain/initial-model.ts';

export const pages = [
  { page: 'Roman', text: 'Roman is a creator. He makes films about tall ships and old bridges.' },
  { page: 'Adrienne', text: 'Adrienne is a singer. She was born by the sea.' },
  {
    page: 'Bergen',
    text: 'Bergen is a town on the coast, known for rain, fish and seven mountains.',
  },
];

export const examples = pages.flatMap(({ page }, index) => [
  { page, prompt: `Claim: ${page} is real.\nA:`, answer: ' (a)' },
  { page, prompt: `Claim: ${page} has ${index} moons.\nA:`, answer: ' (b)' },
]);

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'pipe-memory-'));
}

/** 5 blocks of width 16: the memory sits on block 3. */
export function writeTinyModel(folder: string): string {
  const bpe = trainBpe(
    pages.map(({ text }) => text),
    280,
  );
  const shape = {
    layers: 5,
    hidden: 16,
    heads: 2,
    intermediate: 32,
    rotaryShare: 0.5,
    vocab: bpe.vocab.size,
    maxPositions: 64,
  };
  writeInitialModel(folder, shape, 1);
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizerJson(bpe)));
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(tokenizerConfigJson(64)));
  return folder;
}
