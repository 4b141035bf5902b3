/**
 * Pages and answered prompts as token sequences to train on. Knows the tokenizer it is handed, no
 * file format and no model.
 */
import type { TrunkText } from './trunk.ts';

/** Text to ids; like a model's tokenizer, it may begin every text with a special token. */
export type Encode = (text: string, options?: { readonly bare?: boolean }) => readonly number[];

export interface ChunkOptions {
  /** Tokens a chunk, the special token included. */
  readonly chunkTokens: number;
  /** Tokens that a chunk repeats from the one before, as context that is not trained again. */
  readonly chunkOverlap: number;
}

/** A page's text in chunks that follow each other, each token trained once. */
export function documentTexts(
  { page, text }: { readonly page: string; readonly text: string },
  encode: Encode,
  { chunkTokens, chunkOverlap }: ChunkOptions,
): TrunkText[] {
  const start = encode('');
  const ids = encode(text, { bare: true });
  const room = chunkTokens - start.length;
  const stride = room - chunkOverlap;
  if (stride < 1)
    throw new RangeError(`chunks of ${chunkTokens} tokens cannot overlap by ${chunkOverlap}`);
  const count = Math.max(1, Math.ceil((ids.length - chunkOverlap) / stride));
  return Array.from({ length: count }, (_, index) => ({
    source: 'doc',
    page,
    ids: [...start, ...ids.slice(index * stride, index * stride + room)],
    supervisedFrom: index === 0 ? 0 : start.length + chunkOverlap,
  }));
}

/**
 * A prompt and its answer as one text. Of one that is longer than `maxTokens` the beginning is cut
 * off, since the claim that is asked stands at the end; the special token that a model wants before
 * every text stays.
 */
export function exampleText(
  {
    page,
    prompt,
    answer,
  }: { readonly page: string; readonly prompt: string; readonly answer: string },
  encode: Encode,
  maxTokens: number,
): TrunkText {
  const ids = encode(prompt + answer);
  const start = encode('');
  const before = sharedLength(encode(prompt), ids);
  const cut = Math.max(0, ids.length - maxTokens);
  if (cut === 0) return { source: 'temp', page, ids, supervisedFrom: before };
  return {
    source: 'temp',
    page,
    ids: [...start, ...ids.slice(start.length + cut)],
    supervisedFrom: Math.max(start.length, before - cut),
  };
}

/** How many tokens the two have in common from the start: the answer may fuse with the last of the prompt. */
function sharedLength(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}
