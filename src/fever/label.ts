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

/** `(a)`, as the prompt writes a label. */
export function letterOf(label: Label): Letter {
  const row = LABEL_TABLE.find((candidate) => candidate.label === label);
  if (row === undefined) throw new Error(`no letter for the label ${JSON.stringify(label)}`);
  return row.letter;
}

/** ` (a)`, with the leading blank that the tokenizers make part of the answer. */
export function answerOf(label: Label): string {
  return ` (${letterOf(label)})`;
}

export function isLabel(value: unknown): value is Label {
  return LABEL_TABLE.some((row) => row.label === value);
}
