/**
 * Pages dealt into folds, so that a memory can be trained on all pages but those that it will be
 * asked about. Knows titles, documents and examples; no claim that is asked.
 */
import { recordOf, stringOf } from './field.ts';
import { readJsonLines } from './json-lines.ts';
import { randomNamed, shuffled } from './random.ts';

/** By page its fold, from 0: dealt out in turn after shuffling, so that folds differ by one page at most. */
export function dealFolds(
  pages: readonly string[],
  count: number,
  seed: number,
): Map<string, number> {
  const order = shuffled([...new Set(pages)], randomNamed(`folds ${seed}`));
  return new Map(order.map((page, at) => [page, at % count]));
}

/** What is not of the fold's pages. */
export function outsideFold<T extends { readonly page: string }>(
  items: readonly T[],
  folds: ReadonlyMap<string, number>,
  fold: number,
): T[] {
  return items.filter(({ page }) => folds.get(page) !== fold);
}

/** By page, the fold as the label of a matrix cell. */
export function readFolds(path: string): Map<string, string> {
  return new Map(readJsonLines(path, decodeFold));
}

function decodeFold(value: unknown): [string, string] {
  const { page, fold } = recordOf(value);
  return [stringOf(page, 'page'), String(fold)];
}
