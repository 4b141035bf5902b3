/**
 * A corpus as one stream of tokens, cut into sequences of equal length for pretraining. Knows no
 * model and no file.
 */
import { seededRng, shuffled } from '../../tensor/rng.ts';

/** A piece of a text; a loss may weigh answers more than the rest. */
export interface TextPiece {
  readonly text: string;
  readonly answer: boolean;
}

export interface TokenStream {
  readonly ids: Int32Array;
  /** 1 where the token belongs to an answer. */
  readonly answers: Uint8Array;
}

/** All texts, one after the other, each followed by the end-of-text token. */
export function tokenStream(
  texts: Iterable<readonly TextPiece[]>,
  encode: (text: string) => readonly number[],
  endId: number,
): TokenStream {
  const ids: number[] = [];
  const answers: number[] = [];
  const push = (id: number, answer: boolean): void => {
    ids.push(id);
    answers.push(answer ? 1 : 0);
  };
  for (const pieces of texts) {
    for (const { text, answer } of pieces) for (const id of encode(text)) push(id, answer);
    push(endId, false);
  }
  return { ids: Int32Array.from(ids), answers: Uint8Array.from(answers) };
}

export interface PretrainBatch {
  /** (batch · length) inputs, row-major by sequence. */
  readonly ids: Int32Array;
  /** The token after each input. */
  readonly targets: Int32Array;
  /** The rows whose target belongs to an answer, ascending. */
  readonly answerRows: Int32Array;
}

/**
 * The batch of a step: sequences are visited in an order drawn anew for each pass over the stream.
 * A function of its arguments alone, so that a resumed training meets the same batches.
 */
export function batchOfStep(
  stream: TokenStream,
  step: number,
  plan: { readonly batch: number; readonly length: number; readonly seed: number },
): PretrainBatch {
  const { batch, length } = plan;
  const sequences = Math.floor((stream.ids.length - 1) / length);
  const starts = Array.from({ length: batch }, (_, index) => {
    const visit = step * batch + index;
    const order = passOrder(sequences, Math.floor(visit / sequences), plan.seed);
    return order[visit % sequences]! * length;
  });
  return cut(stream, starts, length);
}

let kept: { name: string; order: readonly number[] } | undefined;

/** The order of a pass; the last one asked for is kept, since steps ask for it in turn. */
function passOrder(sequences: number, pass: number, seed: number): readonly number[] {
  const name = `${sequences} ${pass} ${seed}`;
  if (kept?.name !== name) {
    const numbers = Array.from({ length: sequences }, (_, index) => index);
    kept = { name, order: shuffled(numbers, seededRng(seed, `pass ${pass}`)) };
  }
  return kept.order;
}

function cut(stream: TokenStream, starts: readonly number[], length: number): PretrainBatch {
  const ids = new Int32Array(starts.length * length);
  const targets = new Int32Array(starts.length * length);
  const answerRows: number[] = [];
  starts.forEach((start, index) => {
    ids.set(stream.ids.subarray(start, start + length), index * length);
    targets.set(stream.ids.subarray(start + 1, start + 1 + length), index * length);
    for (let at = 0; at < length; at++) {
      if (stream.answers[start + 1 + at] === 1) answerRows.push(index * length + at);
    }
  });
  return { ids, targets, answerRows: Int32Array.from(answerRows) };
}
