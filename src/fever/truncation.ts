/**
 * Drops the pages that nothing can be learnt about: those without text, and those that no training
 * question cites. Knows no prompts; of the training questions it asks only whether there are any.
 */
import { DataError } from './data-error.ts';
import { recordOf, stringOf } from './field.ts';
import { readJsonLines } from './json-lines.ts';
import type { RankedPage } from './ranking.ts';
import type { WikiPage } from './wiki-page.ts';

/** A page's text as the later stages get it. */
export interface PageText {
  readonly page: string;
  readonly text: string;
}

export interface TruncationStats {
  readonly nTop: number;
  readonly nTrunc: number;
  /** Missing from the dump, or without text. `nTop − droppedEmpty − droppedNoTrain = nTrunc`. */
  readonly droppedEmpty: number;
  /** Of those that have a text: without a training question. 0 when `requireTrainQa` is off. */
  readonly droppedNoTrain: number;
  /** Dev questions on the pages that are left. */
  readonly questions: number;
  /** Of `droppedEmpty`: those that the dump does not hold at all. */
  readonly missing: number;
}

export interface Truncation {
  /** In rank order. */
  readonly pages: readonly PageText[];
  readonly stats: TruncationStats;
  /** Titles of dropped pages, each with its reason, in rank order. */
  readonly dropped: readonly string[];
}

export interface TruncationInput {
  readonly ranked: readonly RankedPage[];
  readonly texts: ReadonlyMap<string, WikiPage>;
  /** Pages with at least one training question; undefined turns that filter off. */
  readonly trained: ReadonlySet<string> | undefined;
}

export function truncatePages({ ranked, texts, trained }: TruncationInput): Truncation {
  const pages: PageText[] = [];
  const dropped: string[] = [];
  const counts = { missing: 0, droppedEmpty: 0, droppedNoTrain: 0, questions: 0 };
  for (const { page, questions } of ranked) {
    const text = texts.get(page)?.text ?? '';
    if (text === '') {
      counts.droppedEmpty += 1;
      counts.missing += texts.has(page) ? 0 : 1;
      dropped.push(`${page}: ${texts.has(page) ? 'the text is empty' : 'not in the dump'}`);
    } else if (trained !== undefined && !trained.has(page)) {
      counts.droppedNoTrain += 1;
      dropped.push(`${page}: no training question cites it`);
    } else {
      counts.questions += questions;
      pages.push({ page, text });
    }
  }
  const stats = { nTop: ranked.length, nTrunc: pages.length, ...counts };
  return { pages, stats, dropped };
}

/** Throws where nothing is left, which is almost always a wrong folder or page-disjoint splits. */
export function assertPagesLeft({ stats }: Truncation): void {
  if (stats.nTrunc > 0) return;
  const reasons = `${stats.droppedEmpty} without text (${stats.missing} not in the dump), ${stats.droppedNoTrain} without training questions`;
  const hint =
    stats.droppedNoTrain > stats.droppedEmpty
      ? 'where train and dev cite different pages, set requireTrainQa to false'
      : 'check that the wiki folder belongs to these claims';
  throw new DataError(`none of the ${stats.nTop} ranked pages is left: ${reasons}`, { hint });
}

/** The pages of a file that `truncate` wrote, in rank order. */
export function readPageTexts(path: string): PageText[] {
  return [...readJsonLines(path, decodePageText)];
}

function decodePageText(value: unknown): PageText {
  const record = recordOf(value);
  return { page: stringOf(record.page, 'page'), text: stringOf(record.text, 'text') };
}
