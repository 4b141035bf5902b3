/**
 * Greedy completions of texts that begin alike: their common prefix runs once. Knows no label.
 */
import { keep, slice, type Tensor2D, tidy } from '@tensorflow/tfjs-core';
import { generateGreedy } from '../generate.ts';
import {
  type Adapter,
  embed,
  forwardPrefix,
  headLogits,
  type Model,
  type PastKeyValues,
} from '../model.ts';
import { commonLength } from './question.ts';

export interface CompletionOptions {
  readonly adapters: ReadonlyMap<number, Adapter>;
  readonly maxTokens: number;
  /** Ends a completion once it holds for the new ids. */
  readonly stop: (generated: readonly number[]) => boolean;
}

export interface Completion {
  /** The new ids, the one that ended them included. */
  readonly ids: readonly number[];
  /** The logits that the first id was chosen by, (V): they show whether an adapter took part. */
  readonly firstLogits: Float32Array;
}

/** What follows each context; `model` must be whole. Leaves no tensor behind. */
export async function completeContexts(
  model: Model,
  contexts: readonly (readonly number[])[],
  options: CompletionOptions,
): Promise<Completion[]> {
  const shared = contexts.length < 2 ? 0 : sharedLength(contexts);
  const past = shared > 0 ? prefixOf(model, contexts[0]!.slice(0, shared), options) : undefined;
  try {
    const completions: Completion[] = [];
    for (const context of contexts) {
      const rest = context.slice(shared);
      completions.push(await completeOne(model, rest, { ...options, ...(past ? { past } : {}) }));
    }
    return completions;
  } finally {
    past?.dispose();
  }
}

async function completeOne(
  model: Model,
  rest: readonly number[],
  options: CompletionOptions & { readonly past?: PastKeyValues },
): Promise<Completion> {
  const watched = watchFirst(model, options.adapters);
  try {
    const ids = await generateGreedy(model, rest, { ...options, adapters: watched.adapters });
    return { ids, firstLogits: await watched.logits() };
  } finally {
    watched.dispose();
  }
}

/**
 * The adapters, with the last block's made to keep the last row of what it gives first: the logits
 * then come from the completion's own forward pass, and not from another that may differ from it.
 */
function watchFirst(model: Model, adapters: ReadonlyMap<number, Adapter>) {
  const last = model.config.layers - 1;
  let row: Tensor2D | undefined;
  const watch: Adapter = (h) => {
    const output = adapters.get(last)?.(h) ?? h;
    row ??= keep(slice(output, [output.shape[0] - 1, 0], [1, output.shape[1]]));
    return output;
  };
  return {
    adapters: new Map([...adapters, [last, watch]]),
    logits: async () => {
      const logits = tidy(() => headLogits(model, row!));
      const values = (await logits.data()) as Float32Array;
      logits.dispose();
      return values;
    },
    dispose: () => row?.dispose(),
  };
}

/** Of every context at least one token is left to run. */
function sharedLength(contexts: readonly (readonly number[])[]): number {
  const first = contexts[0]!;
  const lengths = contexts.map((ids) => Math.min(commonLength(first, ids), ids.length - 1));
  return Math.min(...lengths);
}

function prefixOf(
  model: Model,
  ids: readonly number[],
  { adapters }: CompletionOptions,
): PastKeyValues {
  let past: PastKeyValues | undefined;
  tidy(() => {
    past = forwardPrefix(model, embed(model, Int32Array.from(ids)), { adapters }).past;
  });
  return past!;
}
