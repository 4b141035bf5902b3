/**
 * The names of pages: one spelling for every title, whichever file it came from. Knows no page.
 *
 * The rule, in this order: (1) Unicode NFC; (2) the escapes `-LRB-` `-RRB-` `-LSB-` `-RSB-` `-COLON-`
 * become `(` `)` `[` `]` `:`, left to right and once; (3) every white-space character becomes `_`.
 * Nothing else: case stays, since Wikipedia tells `Iron_man` from `Iron_Man`.
 */

/** The group of evidence that names no page; no page can bear this title. */
export const NULL_PAGE = '';

export const ESCAPES = {
  '-LRB-': '(',
  '-RRB-': ')',
  '-LSB-': '[',
  '-RSB-': ']',
  '-COLON-': ':',
} as const;

export type Escape = keyof typeof ESCAPES;

const ESCAPE_PATTERN = /-(?:LRB|RRB|LSB|RSB|COLON)-/g;

/** Undoes FEVER's escapes in titles and page texts. */
export function unescapeText(text: string): string {
  return text.includes('-')
    ? text.replace(ESCAPE_PATTERN, (escaped) => ESCAPES[escaped as Escape])
    : text;
}

/** The one spelling that the stages compare, sort by and write. Applying it twice changes nothing. */
export function normaliseTitle(raw: string): string {
  return unescapeText(raw.normalize('NFC')).replace(/\s/gu, '_');
}

/** A normalised title as a person reads it: with blanks. */
export function titleText(title: string): string {
  return title.replaceAll('_', ' ').trim();
}

/**
 * Code-point order, in which ties are broken and pages are listed. JavaScript's `<` compares UTF-16
 * units, which puts U+1F600 before U+FF21; UTF-8, Python and the golden counts do not.
 */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return codePointRank(unitA) - codePointRank(unitB);
  }
  return a.length - b.length;
}

/** Lifts surrogates above the rest of the basic plane, where their code points belong. */
function codePointRank(unit: number): number {
  const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
  return isSurrogate ? unit + 0x2000 : unit >= 0xe000 ? unit - 0x800 : unit;
}
