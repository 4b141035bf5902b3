/**
 * A question in tokens: a context and the continuations whose likelihoods are wanted. Knows no label
 * and no model.
 */

/** The part of a tokenizer that is needed: text to ids, with the model's own special tokens unless `bare`. */
export interface Encoder {
  encode(text: string, options?: { readonly bare?: boolean }): readonly number[];
  readonly bosId?: number;
  readonly eosId?: number;
}

export interface Question {
  readonly context: readonly number[];
  /** What follows the context in each case; none is empty. */
  readonly continuations: readonly (readonly number[])[];
}

/**
 * Tokens of each continuation *in its context*: tokens(context + continuation) without the tokens
 * that all of them share with tokens(context). Where a tokenizer merges across the boundary, the
 * context ends before the merge, and the merged tokens count to each continuation alike.
 *
 * An empty context is the beginning of a text.
 *
 * @throws RangeError when a continuation adds no token, or a context that is not empty has none.
 */
export function tokeniseQuestion(
  encoder: Encoder,
  context: string,
  continuations: readonly string[],
): Question {
  if (context === '') return withoutContext(encoder, continuations);
  const alone = encoder.encode(context);
  const whole = continuations.map((continuation) => encoder.encode(context + continuation));
  const length = Math.min(...whole.map((ids) => commonLength(alone, ids)));
  if (length === 0) throw new RangeError('tokeniseQuestion: no token of the context is left');
  const tails = whole.map((ids) => ids.slice(length));
  if (tails.some((tail) => tail.length === 0)) {
    throw new RangeError('tokeniseQuestion: a continuation that adds no token has no likelihood');
  }
  return { context: alone.slice(0, length), continuations: tails };
}

/**
 * Continuations of nothing: they follow the token that the model knows as a text's beginning (its
 * BOS, else its end of text), as in EleutherAI's harness.
 */
function withoutContext(encoder: Encoder, continuations: readonly string[]): Question {
  const start = encoder.bosId ?? encoder.eosId;
  if (start === undefined) {
    throw new RangeError('tokeniseQuestion: the tokenizer has no token that begins a text');
  }
  const tails = continuations.map((text) => [...encoder.encode(text, { bare: true })]);
  return { context: [start], continuations: tails };
}

/** How many ids two lists share from their start. */
export function commonLength(a: readonly number[], b: readonly number[]): number {
  const end = Math.min(a.length, b.length);
  let length = 0;
  while (length < end && a[length] === b[length]) length += 1;
  return length;
}
