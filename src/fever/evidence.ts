/**
 * What makes two pieces of evidence the same. Knows only titles and sentence numbers, not FEVER's
 * annotation ids, which differ between annotators who chose the same sentence.
 */
import type { Evidence } from './claim.ts';
import { NULL_PAGE, normaliseTitle } from './title.ts';

export function pageOf({ page }: Evidence): string {
  return page === null ? NULL_PAGE : normaliseTitle(page);
}

/** A normalised title holds no white space, so the blank separates. */
export function sentenceOf(piece: Evidence): string {
  return `${pageOf(piece)} ${piece.sentence}`;
}
