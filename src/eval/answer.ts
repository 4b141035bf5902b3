/**
 * What counts as an answer: an answer is a label, or INVALID when a generated text names none.
 * Knows the letters of the prompt, nothing of the model that wrote the text.
 */
import { LABEL_TABLE, type Label } from '../fever/label.ts';

/** An answer that names no label; it is never right. */
export const INVALID = 'INVALID';

export type Answer = Label | typeof INVALID;

/** The label whose `(a)`, `(b)` or `(c)` comes first in a generated text, else INVALID. */
export function parseAnswer(text: string): Answer {
  let first = text.length;
  let answer: Answer = INVALID;
  for (const { label, letter } of LABEL_TABLE) {
    const at = text.indexOf(`(${letter})`);
    if (at >= 0 && at < first) {
      first = at;
      answer = label;
    }
  }
  return answer;
}

/** The label with the greatest log-likelihood; the first of equals, so never INVALID. */
export function likeliest(scores: readonly number[]): Label {
  if (scores.length !== LABEL_TABLE.length || scores.some(Number.isNaN)) {
    throw new RangeError(`likeliest: not one number a label: ${scores.join(', ')}`);
  }
  return LABEL_TABLE[scores.indexOf(Math.max(...scores))]!.label;
}

/** `scores` of `likeliest` by letter, with the digits that survive another backend's rounding. */
export function scoresByLetter(scores: readonly number[]): Record<string, number> {
  return Object.fromEntries(
    LABEL_TABLE.map(({ letter }, at) => [letter, Number(scores[at]!.toPrecision(6))]),
  );
}
