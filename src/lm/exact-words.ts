/**
 * Mends how a `tokenizer.json` is read: the library that encodes takes JavaScript's idea of a blank and
 * of a digit where the format means Unicode's. U+FEFF is no blank, U+0085 is one, and `²` and `Ⅷ` are
 * digits. Said as regular expressions of the document, it reads them right. Pure.
 */

/** GPT-2's words, as the format's `ByteLevel` has them (its `\s` is Unicode's). */
const BYTE_LEVEL_WORDS =
  "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

interface PreTokenizer {
  readonly type?: unknown;
  readonly use_regex?: unknown;
  readonly add_prefix_space?: unknown;
  readonly individual_digits?: unknown;
  readonly pretokenizers?: unknown;
}

/** The document, with its words cut by regular expressions of its own. */
export function exactWords(document: object): object {
  if (!('pre_tokenizer' in document)) return document;
  return { ...document, pre_tokenizer: exact(document.pre_tokenizer) };
}

function exact(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  const given: PreTokenizer = value;
  if (given.type === 'Sequence' && Array.isArray(given.pretokenizers)) {
    return { ...given, pretokenizers: given.pretokenizers.map(exact) };
  }
  if (given.type === 'Digits') return split(given.individual_digits ? '\\p{N}' : '\\p{N}+');
  // A blank that is added before the text must be there before its words are cut.
  const cuts = given.type === 'ByteLevel' && given.use_regex !== false && !given.add_prefix_space;
  if (!cuts) return value;
  const bytes = { ...given, use_regex: false };
  return { type: 'Sequence', pretokenizers: [split(BYTE_LEVEL_WORDS), bytes] };
}

function split(regex: string): object {
  return { type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false };
}
