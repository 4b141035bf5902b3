/**
 * The labels and the letters that stand for them in prompts: the only place where the two meet. The
 * note this pipeline repeats had its fallback claims of two labels swapped, which nobody saw, because
 * letters and labels were paired by position in several lists.
 */

export type Label = 'SUPPORTS' | 'REFUTES' | 'NOT ENOUGH INFO';
export type Letter = 'a' | 'b' | 'c';

export interface LabelRow {
  readonly label: Label;
  readonly letter: Letter;
  /** How the candidate line of the prompt says it. */
  readonly words: string;
}

/** In the order of the prompt's candidate line. */
export const LABEL_TABLE = [
  { label: 'SUPPORTS', letter: 'a', words: 'supports' },
  { label: 'REFUTES', letter: 'b', words: 'refutes' },
  { label: 'NOT ENOUGH INFO', letter: 'c', words: 'not enough info' },
] as const satisfies readonly LabelRow[];

export const LABELS: readonly Label[] = /* @__PURE__ */ LABEL_TABLE.map((row) => row.label);

/** In alphabetical order: the order in which a candidate line lists them, whatever they stand for. */
export const LETTERS: readonly Letter[] = ['a', 'b', 'c'];

/** `(a)`, which follows a prompt after a blank that the tokenizers make part of the answer. */
export function choiceOf(label: Label, letters: Letters = DEFAULT_LETTERS): string {
  return `(${letterIn(letters, label)})`;
}

/** ` (a)`, with its leading blank. */
export function answerOf(label: Label, letters: Letters = DEFAULT_LETTERS): string {
  return ` ${choiceOf(label, letters)}`;
}

/**
 * The letters of the labels, in the order of the label table: `bca` gives SUPPORTS the letter b,
 * REFUTES c and NOT ENOUGH INFO a. A model that prefers a letter shows it when the letters move.
 */
export type Letters = string;

export const DEFAULT_LETTERS: Letters = /* @__PURE__ */ LABEL_TABLE.map((row) => row.letter).join(
  '',
);

/** Whether a text holds each letter once. */
export function isLetters(text: string): boolean {
  return [...text].sort().join('') === DEFAULT_LETTERS;
}

export function letterIn(letters: Letters, label: Label): Letter {
  const letter = LETTERS.find((candidate) => candidate === letters[LABELS.indexOf(label)]);
  if (letter === undefined) throw new Error(`no letter for the label ${JSON.stringify(label)}`);
  return letter;
}

export function isLabel(value: unknown): value is Label {
  return LABEL_TABLE.some((row) => row.label === value);
}
