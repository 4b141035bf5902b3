/** The four stages on real claims and real pages; the numbers were computed independently. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sharedData } from '../fever/shared-data.ts';
import { runChain } from './chain.ts';
import { readObject, readRecords } from './stage-run.ts';

const base = sharedData('climate-fever');

describe.skipIf(base === undefined)('CLIMATE-FEVER', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-climate-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let runs: Awaited<ReturnType<typeof runChain>>;
  beforeAll(async () => {
    const at = (name: string) => join(base ?? '', name);
    const files = { dev: at('dev.jsonl'), train: at('train.jsonl'), wiki: at('wiki-pages') };
    runs = await runChain(files, folder);
  });

  it('has 215 evidence pages, 100 ranked, 70 left', () => {
    expect(readObject(runs.extract.outputs.stats!)).toMatchObject({
      nFull: 215,
      claims: 374,
      rows: 757,
      nullPageRows: 122,
      claimPageSentences: 635,
      claimPages: 459,
      train: { nFull: 322, claims: 723, rows: 1412, claimPageSentences: 1156, claimPages: 840 },
    });
    expect(readObject(runs.rank.outputs.stats!)).toEqual({ nFull: 215, nTop: 100 });
    expect(readObject(runs.truncate.outputs.stats!)).toMatchObject({
      nFull: 215,
      nTop: 100,
      nTrunc: 70,
      droppedEmpty: 0,
      droppedNoTrain: 30,
      questions: 301,
    });
  });

  it('says so', () => {
    const notes = Object.values(runs).flatMap((run) => run.notes);
    expect(notes).toContain('N_full 215 (374 claims, 459 questions)');
    expect(notes).toContain('N_top 100 of 215 pages');
    expect(notes).toContain(
      'N_trunc 70 of 100 (0 without text, 30 without training questions); 301 questions',
    );
  });

  it('gives 301 questions at 6 numbers of shots and 492 examples, none of them an eval claim', () => {
    const stats = readObject(runs.templates.outputs.stats!);
    expect(stats).toMatchObject({
      questions: 301,
      prompts: 1806,
      examples: 492,
      documents: 70,
      leakage: { exact: 0, normalised: 0, overlapping: 7 },
      labels: { SUPPORTS: 223, REFUTES: 78, 'NOT ENOUGH INFO': 0 },
    });
    expect(readRecords(runs.templates.outputs.prompts!)).toHaveLength(1806);
    expect(readRecords(runs.templates.outputs.examples!)).toHaveLength(492);
  });
});
