/**
 * One line of FEVER's wiki-pages files. Knows the record and how to see cheaply whose it is; not
 * which pages are wanted.
 */
import { describe, FieldError, recordOf, reject } from './field.ts';
import { normaliseTitle, unescapeText } from './title.ts';

export interface WikiPage {
  /** Normalised title. */
  readonly page: string;
  /** Escapes undone, trimmed; empty where the dump's text is blank. */
  readonly text: string;
  /** Entries of `lines` that lack their sentence number. */
  readonly tornLines: number;
  /** True when the record has no `text` and it was put together from `lines`. */
  readonly rebuilt: boolean;
}

/**
 * Decodes a whole record; throws `FieldError`. `text` decides: where it is blank the page is empty,
 * whatever `lines` holds. Only where the field is absent is the text put together from `lines`.
 */
export function decodeWikiPage(value: unknown): WikiPage {
  const record = recordOf(value);
  const sentences = splitSentences(record.lines);
  const rebuilt = record.text === undefined || record.text === null;
  const text = rebuilt ? sentences.texts.join(' ') : record.text;
  if (typeof text !== 'string') reject('text', 'a string', text);
  return {
    page: decodePageId(record.id),
    text: unescapeText(text.normalize('NFC')).trim(),
    tornLines: sentences.torn,
    rebuilt,
  };
}

/** The dump's first record has an empty id; it is the page of evidence without a page. */
function decodePageId(id: unknown): string {
  return typeof id === 'string' ? normaliseTitle(id) : reject('id', 'a page title', id);
}

const SENTENCE = /^\d+(?:\t|$)/;

/** `n\tsentence\tlink…` joined by line feeds. A torn entry belongs to nothing and is passed over. */
function splitSentences(lines: unknown): { texts: string[]; torn: number } {
  if (lines === undefined || lines === null || lines === '') return { texts: [], torn: 0 };
  if (typeof lines !== 'string') {
    throw new FieldError(`lines: expected a string, found ${describe(lines)}`);
  }
  const entries = lines.split('\n');
  const whole = entries.filter((entry) => SENTENCE.test(entry));
  const texts = whole.map((entry) => entry.split('\t')[1] ?? '').filter((text) => text !== '');
  return { texts, torn: entries.length - whole.length };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const KEY = /* @__PURE__ */ Buffer.from('"id"');

/**
 * The page's title if the line plainly begins with `{"id": "…"`, without parsing the rest: of five
 * million pages a hundred are wanted. Undefined when it does not (other key order, escapes in the
 * title): parse the line then. The rest of a line that is sniffed away is never checked.
 */
export function sniffPage(bytes: Buffer): string | undefined {
  let at = skipBlanks(bytes, 0);
  if (bytes[at] !== 0x7b) return undefined;
  at = skipBlanks(bytes, at + 1);
  if (bytes.compare(KEY, 0, KEY.length, at, at + KEY.length) !== 0) return undefined;
  at = skipBlanks(bytes, at + KEY.length);
  if (bytes[at] !== 0x3a) return undefined;
  at = skipBlanks(bytes, at + 1);
  if (bytes[at] !== QUOTE) return undefined;
  const end = bytes.indexOf(QUOTE, at + 1);
  if (end < 0) return undefined;
  const title = bytes.subarray(at + 1, end);
  return title.includes(BACKSLASH) ? undefined : normaliseTitle(title.toString('utf8'));
}

function skipBlanks(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at] === 0x20 || bytes[at] === 0x09) at += 1;
  return at;
}
