/** What a model writes after a context, greedily. Knows no file. */
import { generateGreedy } from '../lm/generate.ts';
import type { Adapted } from '../lm/model.ts';
import type { Tokenizer } from '../lm/tokenizer.ts';

export interface Completion {
  /** Without special tokens. */
  readonly text: string;
  /** New tokens, the end of text included. */
  readonly tokens: number;
  /** Whether the model ended its text; else `maxTokens` did. */
  readonly ended: boolean;
  readonly ids: readonly number[];
}

/** @throws RangeError where the context has no token */
export async function goOn(
  { model, adapters }: Adapted,
  tokenizer: Tokenizer,
  { context, maxTokens }: { readonly context: string; readonly maxTokens: number },
): Promise<Completion> {
  const start = tokenizer.encode(context);
  if (start.length === 0) throw new RangeError('the context has no token to go on from');
  const { eosId } = tokenizer;
  const ids = await generateGreedy(model, start, {
    maxTokens,
    adapters,
    ...(eosId === undefined ? {} : { stop: (generated) => generated.at(-1) === eosId }),
  });
  const ended = eosId !== undefined && ids.at(-1) === eosId;
  return { text: tokenizer.decode(ids), tokens: ids.length, ended, ids };
}
