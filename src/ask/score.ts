/**
 * How likely a model finds a continuation, token by token. One text at a time and without sharing
 * anything, so that it can serve as a check of what is faster. Knows no file.
 */
import { slice, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { type Adapted, embed, forwardBlocks, headLogits } from '../lm/model.ts';
import { tokeniseQuestion } from '../lm/scoring/question.ts';
import type { Tokenizer } from '../lm/tokenizer.ts';

export interface TokenScore {
  readonly id: number;
  readonly text: string;
  /** Natural logarithm. */
  readonly logProbability: number;
  /** Whether the model would have chosen it. */
  readonly greedy: boolean;
}

export interface ContinuationScore {
  /** Of all tokens together; natural logarithm. */
  readonly logLikelihood: number;
  readonly tokens: number;
  /** Whether greedy decoding would have written the continuation. */
  readonly greedy: boolean;
  readonly perToken: readonly TokenScore[];
}

/** Rows of logits that are held at a time. */
const ROWS = 64;

/** @throws RangeError where the context has no token, or the continuation adds none */
export async function scoreContinuation(
  { model, adapters }: Adapted,
  tokenizer: Tokenizer,
  prompt: { readonly context: string; readonly continuation: string },
): Promise<ContinuationScore> {
  const question = tokeniseQuestion(tokenizer, prompt.context, [prompt.continuation]);
  const tail = question.continuations[0]!;
  const ids = [...question.context, ...tail.slice(0, -1)]; // nothing is read after the last
  const from = question.context.length - 1;
  const states = tidy(() => {
    const h = embed(model, Int32Array.from(ids));
    const top = forwardBlocks(model, h, { batch: 1, length: ids.length, adapters }); // (T, C)
    return slice(top, [from, 0], [tail.length, -1]) as Tensor2D;
  });
  const perToken: TokenScore[] = [];
  for (let start = 0; start < tail.length; start += ROWS) {
    const targets = tail.slice(start, start + ROWS);
    const logits = tidy(() =>
      headLogits(model, slice(states, [start, 0], [targets.length, -1]) as Tensor2D),
    );
    const values = (await logits.data()) as Float32Array;
    logits.dispose();
    const vocab = values.length / targets.length;
    targets.forEach((id, row) => {
      const scored = scoreToken(values.subarray(row * vocab, (row + 1) * vocab), id);
      perToken.push({ id, text: tokenizer.decode([id]), ...scored });
    });
  }
  states.dispose();
  return summaryOf(perToken);
}

/** In double precision, so that a sum over 50,000 words costs no digits. */
function scoreToken(
  logits: Float32Array,
  id: number,
): Pick<TokenScore, 'logProbability' | 'greedy'> {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i]! > logits[best]!) best = i;
  let total = 0;
  for (const value of logits) total += Math.exp(value - logits[best]!);
  const logProbability = logits[id]! - logits[best]! - Math.log(total);
  if (!Number.isFinite(logProbability)) {
    throw new RangeError('the model gives logits that are not finite');
  }
  return { logProbability, greedy: best === id };
}

function summaryOf(perToken: readonly TokenScore[]): ContinuationScore {
  return {
    logLikelihood: perToken.reduce((sum, { logProbability }) => sum + logProbability, 0),
    tokens: perToken.length,
    greedy: perToken.every(({ greedy }) => greedy),
    perToken,
  };
}
