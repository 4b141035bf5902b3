import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PageGroup } from '../../src/fever/page-group.ts';
import { rankPages } from '../../src/fever/ranking.ts';
import { NULL_PAGE } from '../../src/fever/title.ts';

function group(page: string, questions: number): PageGroup {
  const pair = { claimId: 1, claim: 'x', label: 'SUPPORTS' } as const;
  return { page, pairs: Array.from({ length: questions }, () => pair) };
}

const groups = fc
  .uniqueArray(
    fc.tuple(fc.string({ unit: 'binary', maxLength: 3 }), fc.integer({ min: 1, max: 3 })),
    {
      selector: ([page]) => page,
      maxLength: 12,
    },
  )
  .map((list) => list.map(([page, questions]) => group(page, questions)));

describe('rankPages', () => {
  it('breaks ties by title in code-point order', () => {
    const list = [
      group('b', 2),
      group('\u{1f600}', 2),
      group('\uff21', 2),
      group('a', 1),
      group('c', 3),
    ];
    expect(rankPages(list, 4).map(({ page }) => page)).toEqual(['c', 'b', '\uff21', '\u{1f600}']);
  });

  it('puts the null page first whatever its count', () => {
    const ranked = rankPages([group('a', 3), group(NULL_PAGE, 1)], 1);
    expect(ranked).toEqual([{ page: NULL_PAGE, questions: 1 }]);
  });

  it('does not hang on the order of its input, and a smaller K is a prefix of a larger', () => {
    const property = fc.property(groups, fc.nat(12), fc.nat(12), (list, k, rotation) => {
      const all = rankPages(list, list.length);
      const turned = [...list.slice(rotation), ...list.slice(0, rotation)];
      expect(rankPages(turned, k)).toEqual(all.slice(0, k));
    });
    fc.assert(property);
  });

  it('never ranks a page before one with more questions', () => {
    const property = fc.property(groups, (list) => {
      const ranked = rankPages(list, 99).filter(({ page }) => page !== NULL_PAGE);
      for (const [i, { questions }] of ranked.slice(1).entries()) {
        expect(questions).toBeLessThanOrEqual(ranked[i]!.questions);
      }
    });
    fc.assert(property);
  });
});
