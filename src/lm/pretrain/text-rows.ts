/**
 * Texts as rows of tokens, one text a row, and their batches for pretraining. Texts of similar
 * length go together, so that little is padding. Knows no model and no file.
 */
import { seededRng, shuffled } from '../../tensor/rng.ts';

/** A piece of a text; a loss may weigh answers more than the rest. */
export interface TextPiece {
  readonly text: string;
  readonly answer: boolean;
}

export interface TextRow {
  /** Begins with the end-of-text token. */
  readonly ids: readonly number[];
  /** The positions in `ids` that belong to answers, ascending. */
  readonly answers: readonly number[];
}

/** A text of at most `limit` tokens; what is longer is cut off. */
export function textRow(
  pieces: readonly TextPiece[],
  encode: (text: string) => readonly number[],
  { endId, limit }: { readonly endId: number; readonly limit: number },
): TextRow {
  const ids = [endId];
  const answers: number[] = [];
  for (const { text, answer } of pieces) {
    for (const id of encode(text)) {
      if (answer) answers.push(ids.length);
      ids.push(id);
    }
  }
  return { ids: ids.slice(0, limit), answers: answers.filter((at) => at < limit) };
}

export interface PretrainBatch {
  readonly texts: number;
  /** Positions a text, padding included. */
  readonly length: number;
  /** (texts · length) inputs, row-major by text. */
  readonly ids: Int32Array;
  /** The rows that predict a token of their text, ascending, and those tokens. */
  readonly rows: Int32Array;
  readonly targets: Int32Array;
  /** The same for tokens of answers alone. */
  readonly answerRows: Int32Array;
  readonly answerTargets: Int32Array;
}

/** Batches that are sorted by length together. */
const groupBatches = 16;

/**
 * The batch of a step: texts in the corpus's order, 16 batches of them sorted by length and taken in
 * a random order; from the start again when the corpus is at its end. A function of its arguments
 * alone, so that a resumed training meets the same batches.
 */
export function batchOfStep(
  rows: readonly TextRow[],
  step: number,
  { batch, seed }: { readonly batch: number; readonly seed: number },
): PretrainBatch {
  const group = Math.floor(step / groupBatches);
  const first = group * groupBatches * batch;
  const texts = Array.from(
    { length: groupBatches * batch },
    (_, index) => rows[(first + index) % rows.length]!,
  ).sort((a, b) => a.ids.length - b.ids.length);
  const numbers = Array.from({ length: groupBatches }, (_, index) => index);
  const order = shuffled(numbers, seededRng(seed, `batches ${group}`));
  const chosen = order[step % groupBatches]! * batch;
  return batchOf(texts.slice(chosen, chosen + batch));
}

/** Texts side by side, padded on the right; the last token of each is only predicted. */
export function batchOf(texts: readonly TextRow[]): PretrainBatch {
  const length = Math.max(...texts.map((text) => text.ids.length)) - 1;
  const ids = new Int32Array(texts.length * length);
  const all: Predictions = { rows: [], targets: [] };
  const answers: Predictions = { rows: [], targets: [] };
  texts.forEach((text, index) => {
    ids.set(text.ids.slice(0, length), index * length);
    for (let at = 1; at < text.ids.length; at++) predict(all, text, index * length, at);
    for (const at of text.answers) predict(answers, text, index * length, at);
  });
  return {
    texts: texts.length,
    length,
    ids,
    rows: Int32Array.from(all.rows),
    targets: Int32Array.from(all.targets),
    answerRows: Int32Array.from(answers.rows),
    answerTargets: Int32Array.from(answers.targets),
  };
}

interface Predictions {
  readonly rows: number[];
  readonly targets: number[];
}

function predict({ rows, targets }: Predictions, text: TextRow, start: number, at: number): void {
  rows.push(start + at - 1);
  targets.push(text.ids[at]!);
}
