/**
 * What counts as an answer: an answer is a label, or INVALID when a generated text names none.
 * Knows the form of the letters, nothing of the model that wrote the text.
 */
import type { Label } from '../fever/label.ts';

/** An answer that names no label; it is never right. */
export const INVALID = 'INVALID';

export type Answer = Label | typeof INVALID;

/** The letter whose `(a)`, `(b)` or `(c)` comes first in a generated text; undefined without any. */
export function parseLetter(text: string, letters: readonly string[]): string | undefined {
  let first = text.length;
  let found: string | undefined;
  for (const letter of letters) {
    const at = text.indexOf(`(${letter})`);
    if (at >= 0 && at < first) {
      first = at;
      found = letter;
    }
  }
  return found;
}
