/** The four stages on the embedded sample, with the flaws that are planted in it. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { StageError } from '../../src/pipe/stage.ts';
import extract from '../../stages/extract.ts';
import rank from '../../stages/rank.ts';
import templates from '../../stages/templates.ts';
import truncate from '../../stages/truncate.ts';
import { runChain } from './chain.ts';
import { readObject, readRecords } from './stage-run.ts';

const sample = resolve(import.meta.dirname, '../../data/sample');
const root = mkdtempSync(join(tmpdir(), 'pipe-sample-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Runs on a copy of the sample that `edit` may change. */
async function run(name: string, changes = {}, edit: (folder: string) => void = () => undefined) {
  const data = join(root, name, 'data');
  cpSync(sample, data, { recursive: true });
  edit(data);
  const at = (file: string) => join(data, file);
  const files = { dev: at('dev.jsonl'), train: at('train.jsonl'), wiki: at('wiki-pages') };
  return runChain(files, join(root, name), changes);
}

function editFile(path: string, change: (text: string) => string): void {
  const before = readFileSync(path, 'utf8');
  const after = change(before);
  if (after === before) throw new Error(`nothing to edit in ${path}`);
  writeFileSync(path, after);
}

describe('the sample', () => {
  it('shows every planted flaw, and loses pages to each reason', async () => {
    const runs = await run('plain');
    const extracted = readObject(runs.extract.outputs.stats!);
    for (const count of [
      'nullPageRows',
      'duplicateTexts',
      'conflictingTexts',
      'nfdTitles',
    ] as const) {
      expect(extracted[count], count).toBeGreaterThan(0);
    }
    const { nTop, nTrunc, droppedEmpty, droppedNoTrain, missing, tornLines } = readObject(
      runs.truncate.outputs.stats!,
    ) as Record<string, number>;
    expect(nTop! - droppedEmpty! - droppedNoTrain!).toBe(nTrunc);
    for (const count of [droppedEmpty, droppedNoTrain, missing, tornLines]) {
      expect(count).toBeGreaterThan(0);
    }
    const { leakage } = readObject(runs.templates.outputs.stats!) as { leakage: object };
    expect(leakage).toMatchObject({ exact: 0, normalised: 0 });
  });

  it('gives the same bytes every time', async () => {
    const [first, second] = [await run('once'), await run('twice')];
    for (const stage of ['extract', 'rank', 'truncate', 'templates'] as const) {
      for (const [name, path] of Object.entries(first[stage].outputs)) {
        const other = second[stage].outputs[name]!;
        expect(readFileSync(other, 'utf8') === readFileSync(path, 'utf8'), name).toBe(true);
      }
    }
  });

  it('ranks the null page first and then drops it, as in the note, when asked to', async () => {
    const plain = await run('dropped', { rank: { topK: 10 } });
    const runs = await run('grouped', { extract: { nullPage: 'group' }, rank: { topK: 10 } });
    const stats = readObject(runs.truncate.outputs.stats!) as Record<string, number>;
    expect(readRecords(runs.rank.outputs.pages!)[0]).toMatchObject({ page: '' });
    expect(readObject(plain.rank.outputs.stats!).nFull).toBe(stats.nFull! - 1);
    expect(stats.nTop).toBe(10);
    expect(runs.truncate.logs).toContain(': the text is empty');
  });

  it('lets a reworded dev claim change nothing that is learnt', async () => {
    const before = await run('worded');
    const after = await run('reworded', {}, (folder) =>
      editFile(join(folder, 'dev.jsonl'), (text) =>
        text.replace(' was born in ', ' was surely born in '),
      ),
    );
    const textOf = (runs: typeof before, output: string) =>
      readFileSync(runs.templates.outputs[output]!, 'utf8');
    expect(textOf(after, 'prompts') === textOf(before, 'prompts')).toBe(false);
    expect(textOf(after, 'examples') === textOf(before, 'examples')).toBe(true);
    expect(textOf(after, 'documents') === textOf(before, 'documents')).toBe(true);
  });

  it('fails as a stage does, with file, line and hint', async () => {
    const failing = run('broken', {}, (folder) =>
      editFile(join(folder, 'train.jsonl'), (text) => text.replace(/\n.*\n/, '\n{"id": 1,\n')),
    );
    await expect(failing).rejects.toThrow(StageError);
    await expect(failing).rejects.toMatchObject({
      file: expect.stringMatching(/train\.jsonl$/),
      line: 2,
      hint: expect.stringMatching(/onBadLine/),
    });
  });

  it('refuses overlaps when asked to', async () => {
    const failing = run('overlap', { templates: { overlap: 'fail' } });
    await expect(failing).rejects.toThrow(/training questions have the text of an eval claim/);
  });
});

describe('the labels that outputs carry', () => {
  it('keep eval data out of what is learnt, and eval prompts marked', () => {
    const labels = [extract, rank, truncate, templates].map(({ outputs }) =>
      Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, output.labels])),
    );
    expect(labels).toEqual([
      { dev: ['dev'], train: ['train'], stats: [] },
      { pages: [], stats: [] },
      { pages: [], stats: [] },
      { documents: [], examples: ['train'], prompts: ['dev'], stats: [] },
    ]);
  });
});
