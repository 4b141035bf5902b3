import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readPrompts } from '../../src/eval/prompt.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'prompts-'));
  file = join(folder, 'prompts.jsonl');
  const lines = [0, 1, 3].map((shots) =>
    JSON.stringify({
      ...{ claimId: 7, page: 'p', claim: 'c', gold: 'REFUTES', shots },
      ...{ shotSeed: 0, letters: 'abc', prompt: 'A:' },
    }),
  );
  writeFileSync(file, `${lines.join('\n')}\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('readPrompts', () => {
  test('gives the prompts with the wanted numbers of shots', () => {
    expect(readPrompts(file, [3, 0]).map(({ shots }) => shots)).toEqual([0, 3]);
  });

  test('names every wanted number that has no prompt', () => {
    expect(() => readPrompts(file, [0, 2, 3, 4])).toThrow('no prompt has 2, 4 shots');
  });
});
