/**
 * FEVER's wiki pages: escaped titles and `{id, text, lines}`. It knows the format and its oddities
 * and nothing of claims.
 */
import { type Page, pageText } from '../world/page.ts';
import type { Entity } from '../world/world.ts';

/** `full`, or a page whose text is empty or blank, as some of the real dump's are. */
export type WikiState = 'full' | 'empty' | 'blank';

/**
 * The title as FEVER writes it: blanks as `_`, brackets and colons spelled out, and accents
 * decomposed (NFD), although claims are NFC.
 */
export function titleOf(entity: Entity, index: number): string {
  return `${entity.name}${suffix(entity, index)}`
    .replaceAll(' ', '_')
    .replaceAll('(', '-LRB-')
    .replaceAll(')', '-RRB-')
    .replaceAll(':', '-COLON-')
    .normalize('NFD');
}

function suffix(entity: Entity, index: number): string {
  if (entity.kind === 'person' || entity.kind === 'town') return '';
  if (entity.kind !== 'film' || index % 3 !== 0) return ` (${entity.kind})`;
  const genre = entity.facts[0]!.value;
  return `: A ${genre.charAt(0).toUpperCase()}${genre.slice(1)}`;
}

/** A line of a wiki-pages file. `links` are the titles of pages by the name that stands for them. */
export function wikiLine(
  page: Page,
  title: string,
  state: WikiState,
  links: ReadonlyMap<string, string>,
): string {
  if (state !== 'full') return JSON.stringify({ id: title, text: blankText(state), lines: '0\t' });
  const lines = page.sentences.map(({ text }, i) => [i, text, ...linksOf(text, title, links)]);
  const body = lines.map((fields) => fields.join('\t'));
  return JSON.stringify({
    id: title,
    text: pageText(page),
    lines: [...body, last(title, body)].join('\n'),
  });
}

function blankText(state: WikiState): string {
  return state === 'empty' ? '' : ' ';
}

/** The dump ends a page with an empty sentence, and at times with a torn line without a number. */
function last(title: string, body: readonly string[]): string {
  return title.length % 7 === 0 ? 'retrieved\t' : `${body.length}\t`;
}

function linksOf(text: string, self: string, links: ReadonlyMap<string, string>): string[] {
  return text
    .replace('.', '')
    .split(' ')
    .flatMap((word) => {
      const title = links.get(word);
      return title === undefined || title === self ? [] : [word, title];
    });
}
