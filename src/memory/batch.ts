/**
 * A training batch: texts of unequal length side by side, padded on the right. The blocks are
 * causal, so no real position ever attends to padding and no mask is needed. Knows no tensor.
 */

export interface TrainingText {
  readonly ids: readonly number[];
  /** The first token whose prediction is trained. */
  readonly supervisedFrom: number;
  /** (ids.length, hidden) states that enter the first memory block, row by row. */
  readonly states: Float32Array;
}

export interface Batch {
  readonly texts: number;
  /** Positions a text, padding included. */
  readonly length: number;
  /** (texts · length, hidden), row-major by text. */
  readonly states: Float32Array;
  /** The rows that predict a supervised token, ascending. */
  readonly rows: Int32Array;
  /** The token that each of `rows` must predict. */
  readonly targets: Int32Array;
}

/** The last token of a text is predicted but predicts nothing, so its own row is left out. */
export function assembleBatch(texts: readonly TrainingText[], hidden: number): Batch {
  const length = Math.max(1, ...texts.map((text) => text.ids.length - 1));
  const states = new Float32Array(texts.length * length * hidden);
  const rows: number[] = [];
  const targets: number[] = [];
  texts.forEach((text, index) => {
    const used = Math.min(length, text.ids.length - 1);
    states.set(text.states.subarray(0, used * hidden), index * length * hidden);
    for (let token = Math.max(1, text.supervisedFrom); token < text.ids.length; token++) {
      rows.push(index * length + token - 1);
      targets.push(text.ids[token]!);
    }
  });
  return {
    texts: texts.length,
    length,
    states,
    rows: Int32Array.from(rows),
    targets: Int32Array.from(targets),
  };
}
