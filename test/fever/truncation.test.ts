import { describe, expect, it } from 'vitest';
import { assertPagesLeft, truncatePages } from '../../src/fever/truncation.ts';
import type { WikiPage } from '../../src/fever/wiki-page.ts';

const ranked = ['', 'empty', 'missing', 'untrained', 'good', 'empty untrained'].map((page, i) => ({
  page,
  questions: 10 - i,
}));

function textsOf(texts: Record<string, string>): Map<string, WikiPage> {
  const pages = Object.entries(texts).map(([page, text]): [string, WikiPage] => [
    page,
    { page, text, tornLines: 0, rebuilt: false },
  ]);
  return new Map(pages);
}

const texts = textsOf({ '': '', empty: '', untrained: 'u', good: 'g', 'empty untrained': '' });
const trained = new Set(['empty', 'missing', 'good']);

describe('truncatePages', () => {
  it('drops pages without text, then pages without training questions', () => {
    const { pages, stats, dropped } = truncatePages({ ranked, texts, trained });
    expect(pages).toEqual([{ page: 'good', text: 'g' }]);
    expect(stats).toEqual({
      nTop: 6,
      nTrunc: 1,
      droppedEmpty: 4,
      droppedNoTrain: 1,
      questions: 6,
      missing: 1,
    });
    expect(dropped).toEqual([
      ': the text is empty',
      'empty: the text is empty',
      'missing: not in the dump',
      'untrained: no training question cites it',
      'empty untrained: the text is empty',
    ]);
  });

  it('keeps pages without training questions where that filter is off', () => {
    const { pages, stats } = truncatePages({ ranked, texts, trained: undefined });
    expect(pages.map(({ page }) => page)).toEqual(['untrained', 'good']);
    expect(stats).toMatchObject({ nTrunc: 2, droppedNoTrain: 0, questions: 13 });
  });
});

describe('assertPagesLeft', () => {
  const nothing = { ranked, texts: textsOf({}), trained };
  it('accepts one page', () => {
    expect(() => assertPagesLeft(truncatePages({ ranked, texts, trained }))).not.toThrow();
  });

  it('says what befell the pages, and which param or folder to look at', () => {
    expect(() => assertPagesLeft(truncatePages(nothing))).toThrow(
      'none of the 6 ranked pages is left: 6 without text (6 not in the dump), 0 without training',
    );
    const all = textsOf(Object.fromEntries(ranked.map(({ page }) => [page, 'text'])));
    const disjoint = truncatePages({ ranked, texts: all, trained: new Set() });
    expect(() => assertPagesLeft(disjoint)).toThrow(
      expect.objectContaining({ where: { hint: expect.stringMatching(/requireTrainQa/) } }),
    );
  });
});
