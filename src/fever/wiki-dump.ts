/**
 * Looks pages up in a dump of any size: one pass, keeping only what is wanted. Knows neither ranks
 * nor questions.
 */
import {
  BadLine,
  decodeLine,
  handleBadLine,
  type LineTally,
  newTally,
  type OnBadLine,
} from './json-lines.ts';
import { type Line, readLines } from './line.ts';
import { decodeWikiPage, sniffPage, type WikiPage } from './wiki-page.ts';

export interface DumpSearch {
  /** Wanted pages that the dump holds, empty ones among them. */
  readonly pages: ReadonlyMap<string, WikiPage>;
  /** Lines that were looked at, up to where the last wanted page was found. */
  readonly lines: number;
  /** Wanted pages that the dump held more than once, under one spelling or several. */
  readonly duplicatePages: number;
  readonly badLines: number;
  readonly complaints: readonly string[];
}

export interface DumpOptions {
  readonly onBadLine: OnBadLine;
  /** Called after each file, and awaited, so that reports get out between two long reads. */
  readonly onFile?: (done: number, total: number, found: number) => void | Promise<void>;
}

/**
 * Reads `files` in order until every page of `wanted` (normalised titles) has a text. Where a page
 * occurs several times its first occurrence that is not blank counts. Memory: the wanted pages and
 * the longest line.
 */
export async function findPages(
  files: readonly string[],
  wanted: Iterable<string>,
  options: DumpOptions,
): Promise<DumpSearch> {
  const search = new Search(wanted, options.onBadLine);
  for (const [index, file] of files.entries()) {
    search.scan(file);
    await options.onFile?.(index + 1, files.length, search.pages.size);
    if (search.isOver) break;
  }
  const { pages, lines, duplicatePages } = search;
  const { badLines, complaints } = search.tally;
  return { pages, lines, duplicatePages, badLines, complaints };
}

class Search {
  readonly pages = new Map<string, WikiPage>();
  readonly tally: LineTally = newTally();
  lines = 0;
  duplicatePages = 0;
  readonly #wanted: ReadonlySet<string>;
  /** Wanted pages for which no text was seen yet. */
  readonly #open: Set<string>;
  readonly #onBadLine: OnBadLine;

  constructor(wanted: Iterable<string>, onBadLine: OnBadLine) {
    this.#wanted = new Set(wanted);
    this.#open = new Set(this.#wanted);
    this.#onBadLine = onBadLine;
  }

  get isOver(): boolean {
    return this.#open.size === 0;
  }

  scan(file: string): void {
    for (const line of readLines(file)) {
      if (this.isOver) return;
      this.lines += 1;
      if (!this.#mayBeWanted(line)) continue;
      const page = decodeLine(line, decodeWikiPage);
      if (page instanceof BadLine) handleBadLine(page, file, this.#onBadLine, this.tally);
      else if (this.#wanted.has(page.page)) this.#keep(page);
    }
  }

  #mayBeWanted({ bytes, tooLong }: Line): boolean {
    if (tooLong) return true;
    if (bytes.length === 0) return false;
    const title = sniffPage(bytes);
    return title === undefined || this.#wanted.has(title);
  }

  #keep(page: WikiPage): void {
    if (this.pages.has(page.page)) this.duplicatePages += 1;
    if (this.#open.has(page.page)) this.pages.set(page.page, page);
    if (page.text !== '') this.#open.delete(page.page);
  }
}
