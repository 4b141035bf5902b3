/**
 * Pages by number of questions. Knows counts and titles only; neither claims nor labels leave it.
 */
import { countOf, recordOf, stringOf } from './field.ts';
import { readJsonLines } from './json-lines.ts';
import type { PageGroup } from './page-group.ts';
import { compareCodePoints, NULL_PAGE } from './title.ts';

export interface RankedPage {
  readonly page: string;
  readonly questions: number;
}

/**
 * The first `topK` pages, most questions first, ties in code-point order of the title. The null page
 * comes first whatever its count, as in the note, whose unit of counting made it the largest by far.
 */
export function rankPages(groups: Iterable<PageGroup>, topK: number): RankedPage[] {
  const pages = Array.from(groups, ({ page, pairs }) => ({ page, questions: pairs.length }));
  return pages.sort(compareRank).slice(0, topK);
}

function compareRank(a: RankedPage, b: RankedPage): number {
  if (a.page === b.page) return 0;
  if (a.page === NULL_PAGE) return -1;
  if (b.page === NULL_PAGE) return 1;
  return b.questions - a.questions || compareCodePoints(a.page, b.page);
}

/** The pages of a file that `rank` wrote, in rank order. */
export function readRankedPages(path: string): RankedPage[] {
  return [...readJsonLines(path, decodeRankedPage)];
}

function decodeRankedPage(value: unknown): RankedPage {
  const record = recordOf(value);
  return {
    page: stringOf(record.page, 'page'),
    questions: countOf(record.questions, 'questions'),
  };
}
