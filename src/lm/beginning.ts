/** The beginning of a text that fits into a number of tokens. Knows a tokenizer, no model. */
import type { Tokenizer } from './tokenizer.ts';

/** At most `maxTokens` of the tokenizer's tokens of `text`, cut after a whole word where it has one. */
export function beginningOf(text: string, tokenizer: Tokenizer, maxTokens: number): string {
  const ids = tokenizer.encode(text, { bare: true });
  if (ids.length <= maxTokens) return text;
  const beginning = tokenizer.decode(ids.slice(0, maxTokens));
  const lastBlank = beginning.search(/\s\S*$/u);
  return lastBlank > 0 ? beginning.slice(0, lastBlank) : beginning;
}
