import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dealFolds } from '../../src/fever/fold.ts';
import fold from '../../stages/fold.ts';
import { files, runStage } from '../stages-eval/stage-run.ts';

const PAGES = Array.from({ length: 7 }, (_, at) => `Page_${at}`);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fold-'));
  const write = (name: string, items: readonly object[]) =>
    writeFileSync(join(folder, name), items.map((item) => `${JSON.stringify(item)}\n`).join(''));
  write(
    'documents.jsonl',
    PAGES.map((page) => ({ page, text: `About ${page}.` })),
  );
  write(
    'examples.jsonl',
    PAGES.map((page, claimId) => ({ page, claimId, answer: ' (a)' })),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

async function run(own: number) {
  const { outputs } = await runStage(fold, {
    folder: join(folder, String(own)),
    params: { fold: own, folds: 2 },
    inputs: {
      documents: files(join(folder, 'documents.jsonl')),
      examples: files(join(folder, 'examples.jsonl')),
    },
  });
  return (name: string) =>
    readFileSync(outputs[name]!, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { page: string; fold: number; answer?: string });
}

test('what is learnt for a fold holds none of its pages, and the folds are the same for all', async () => {
  const [first, second] = [await run(0), await run(1)];
  expect(first('folds')).toEqual(second('folds'));
  const folds = new Map(first('folds').map(({ page, fold: own }) => [page, own]));
  for (const [own, lines] of [first, second].entries()) {
    const kept = PAGES.filter((page) => folds.get(page) !== own);
    expect(lines('documents').map(({ page }) => page)).toEqual(kept);
    expect(lines('examples').map(({ page }) => page)).toEqual(kept);
    expect(lines('examples')[0]!.answer).toBe(' (a)');
  }
  expect([...folds.values()].filter((own) => own === 0)).toHaveLength(4);
});

test('folds differ by one page at most, whatever the number, and with the seed', () => {
  const sizes = [0, 1, 2].map((own) =>
    [...dealFolds(PAGES, 3, 0).values()].filter((f) => f === own),
  );
  expect(sizes.map(({ length }) => length)).toEqual([3, 2, 2]);
  expect(dealFolds(PAGES, 2, 1)).not.toEqual(dealFolds(PAGES, 2, 2));
});

test('a fold that is not there is refused', async () => {
  await expect(run(2)).rejects.toThrow('there is no fold 2 of 2');
});
