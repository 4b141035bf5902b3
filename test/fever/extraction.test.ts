import { describe, expect, it } from 'vitest';
import { type Claim, decodeClaim } from '../../src/fever/claim.ts';
import { countClaims } from '../../src/fever/claim-count.ts';
import { type ExtractionOptions, extractFile, groupByPage } from '../../src/fever/extraction.ts';
import { NULL_PAGE } from '../../src/fever/title.ts';
import { tempFolder, writeTemp } from './temp-file.ts';

const folder = tempFolder();

function claim(id: number, label: string, text: string, evidence: unknown[]): Claim {
  return decodeClaim({ id, label, claim: text, evidence });
}

const claims = [
  claim(1, 'SUPPORTS', 'One.', [
    [
      [1, 1, 'B_-LRB-x-RRB-', 0],
      [1, 2, 'A', 3],
    ],
    [
      [2, 3, 'A', 3],
      [2, 4, 'B_-LRB-x-RRB-', 0],
    ],
    [[3, 5, 'A', 4]],
  ]),
  claim(2, 'NOT ENOUGH INFO', 'Two.', [[[4, null, null, null]], [[5, null, null, null]]]),
  claim(3, 'REFUTES', 'One.', [[[6, 6, 'A', 3]]]),
];

function asked(options: Pick<ExtractionOptions, 'unit' | 'nullPage'>) {
  return groupByPage(claims, options).map(({ page, pairs }) => [
    page,
    ...pairs.map(({ claimId }) => claimId),
  ]);
}

describe('groupByPage', () => {
  it.each([
    [
      'row',
      'drop',
      [
        ['A', 1, 1, 1, 3],
        ['B_(x)', 1, 1],
      ],
    ],
    [
      'claim-page',
      'drop',
      [
        ['A', 1, 3],
        ['B_(x)', 1],
      ],
    ],
    [
      'claim-page-sentence',
      'drop',
      [
        ['A', 1, 1, 3],
        ['B_(x)', 1],
      ],
    ],
    [
      'row',
      'group',
      [
        [NULL_PAGE, 2, 2],
        ['A', 1, 1, 1, 3],
        ['B_(x)', 1, 1],
      ],
    ],
    [
      'claim-page',
      'group',
      [
        [NULL_PAGE, 2],
        ['A', 1, 3],
        ['B_(x)', 1],
      ],
    ],
  ] as const)('counts by %s with null page %s', (unit, nullPage, expected) => {
    expect(asked({ unit, nullPage })).toEqual(expected);
  });

  it('brings the spellings of a title together', () => {
    const two = [
      claim(1, 'SUPPORTS', 'x', [[[1, 1, 'Beyonce\u0301', 0]]]),
      claim(2, 'SUPPORTS', 'y', [[[1, 1, 'Beyoncé', 0]]]),
    ];
    const groups = groupByPage(two, { unit: 'claim-page', nullPage: 'drop' });
    expect(groups.map(({ page, pairs }) => [page, pairs.length])).toEqual([['Beyoncé', 2]]);
    expect(countClaims(two).counts).toMatchObject({ pages: 1, mergedTitles: 1, nfdTitles: 1 });
  });
});

describe('countClaims', () => {
  it('counts each flaw once', () => {
    expect(countClaims(claims).counts).toMatchObject({
      claims: 3,
      labels: { SUPPORTS: 1, REFUTES: 1, 'NOT ENOUGH INFO': 1 },
      rows: 8,
      rowsWithoutNei: 6,
      nullPageRows: 2,
      claimPageSentences: 4,
      claimPages: 3,
      pages: 2,
      claimsWithoutPage: 1,
      // Claim 1 lists one set in two orders, claim 2 its empty evidence twice.
      repeatedEvidenceSets: 2,
      duplicateTexts: 1,
      conflictingTexts: 1,
      escapedTitles: { '-LRB-': 1, '-RRB-': 1, '-LSB-': 0, '-RSB-': 0, '-COLON-': 0 },
    });
  });
});

describe('extractFile', () => {
  const line = (id: number, label: string) =>
    JSON.stringify({ id, label, claim: 'Same.', evidence: [[[1, 1, 'A', 0]]] });
  const options = {
    unit: 'claim-page',
    nullPage: 'drop',
    onBadLine: 'skip',
    conflicts: 'keep',
  } as const;

  it('keeps conflicting duplicates, or drops all of them, and counts them in either case', () => {
    const path = writeTemp(folder, 'same.jsonl', `${line(1, 'SUPPORTS')}\n${line(2, 'REFUTES')}\n`);
    const kept = extractFile(path, options);
    expect(kept.stats).toMatchObject({ questions: 2, conflictingTexts: 1, droppedConflicts: 0 });
    const dropped = extractFile(path, { ...options, conflicts: 'drop' });
    expect(dropped.stats).toMatchObject({ questions: 0, conflictingTexts: 1, droppedConflicts: 2 });
  });

  it('reports repeated ids, blank and bad lines', () => {
    const lines = [line(1, 'SUPPORTS'), '', line(1, 'SUPPORTS'), line(3, 'DISPUTED')];
    const path = writeTemp(folder, 'flawed.jsonl', lines.join('\n'));
    const { stats, complaints } = extractFile(path, options);
    expect(stats).toMatchObject({ claims: 2, duplicateIds: 1, blankLines: 1, badLines: 1 });
    expect(complaints).toEqual([expect.stringMatching(/flawed\.jsonl:4: skipped: label: /)]);
  });
});
