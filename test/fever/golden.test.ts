import { describe, expect, it } from 'vitest';
import { extractFile } from '../../src/fever/extraction.ts';
import { sharedData } from './shared-data.ts';

const paperDev = sharedData('fever', 'paper_dev.jsonl');
const defaults = {
  unit: 'claim-page',
  nullPage: 'drop',
  onBadLine: 'fail',
  conflicts: 'keep',
} as const;

describe.skipIf(paperDev === undefined)('the counts of paper_dev.jsonl', () => {
  const file = paperDev ?? '';

  it('equal those that were computed independently', () => {
    const { stats } = extractFile(file, defaults);
    expect(stats).toMatchObject({
      nFull: 1460,
      claims: 9999,
      rows: 18999,
      rowsWithoutNei: 14475,
      nullPageRows: 4524,
      claimPageSentences: 11162,
      claimPages: 8079,
      pages: 1460,
      repeatedEvidenceSets: 941,
      duplicateTexts: 256,
      conflictingTexts: 32,
      nfdTitles: 13,
      labels: { SUPPORTS: 3333, REFUTES: 3333, 'NOT ENOUGH INFO': 3333 },
      escapedTitles: { '-LRB-': 276, '-COLON-': 6 },
      duplicateIds: 0,
      mergedTitles: 0,
      badLines: 0,
    });
  });

  it.each([
    ['row', 'drop', 1460, 14475],
    ['row', 'group', 1461, 18999],
    ['claim-page-sentence', 'drop', 1460, 11162],
    ['claim-page', 'drop', 1460, 8079],
    ['claim-page', 'group', 1461, 8079 + 3333],
  ] as const)('unit %s with null page %s', (unit, nullPage, nFull, questions) => {
    const { stats } = extractFile(file, { ...defaults, unit, nullPage });
    expect(stats).toMatchObject({ nFull, questions });
  });
});
