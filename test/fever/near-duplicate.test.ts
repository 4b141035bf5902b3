import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bareText } from '../../src/fever/claim.ts';
import { jaccard, NEAR, nearDuplicates, shinglesOf } from '../../src/fever/near-duplicate.ts';

describe('bareText', () => {
  it('sets case, punctuation, white space and Unicode form aside, and nothing else', () => {
    expect(bareText('  “Cafe\u0301-bar”,\tNo. 5! ')).toBe('café bar no 5');
    expect(bareText('Ants fly.')).not.toBe(bareText('Ants flew.'));
    expect(bareText('…')).toBe('…');
  });
});

describe('nearDuplicates', () => {
  it('finds a long claim with one word more, and no short claim with another word', () => {
    const long = 'The ferry on the wide Gilzo sails every Tuesday from the old harbour.';
    const isNear = nearDuplicates([long, 'Ants fly.']);
    expect(
      isNear('The ferry on the wide Gilzo sails every Tuesday from the very old harbour'),
    ).toBe(true);
    expect(isNear('Ants swim.')).toBe(false);
    expect(isNear('ants, fly')).toBe(true);
    expect(nearDuplicates([])('Ants fly.')).toBe(false);
  });

  it('finds all that comparing every pair finds, on the sample', () => {
    const claims = (file: string) =>
      readFileSync(new URL(`../../data/sample/${file}.jsonl`, import.meta.url), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { claim: string }).claim);
    const train = claims('train').slice(0, 500);
    for (const least of [0.5, NEAR]) {
      const isNear = nearDuplicates(train, least);
      const sets = train.map(shinglesOf);
      const found = claims('dev').map(isNear);
      const slowly = claims('dev').map((claim) =>
        sets.some((set) => jaccard(shinglesOf(claim), set) >= least),
      );
      expect(found).toEqual(slowly);
      if (least < NEAR) expect(found).toContain(true);
    }
  });
});
