/**
 * Greedy completions of texts that begin alike: their common prefix runs once. Knows no label.
 */
import { tidy } from '@tensorflow/tfjs-core';
import { generateGreedy } from '../generate.ts';
import { type Adapter, embed, forwardPrefix, type Model, type PastKeyValues } from '../model.ts';
import { commonLength } from './question.ts';

export interface CompletionOptions {
  readonly adapters: ReadonlyMap<number, Adapter>;
  readonly maxTokens: number;
  /** Ends a completion once it holds for the new ids. */
  readonly stop: (generated: readonly number[]) => boolean;
}

/** The new ids after each context; `model` must be whole. Leaves no tensor behind. */
export async function completeContexts(
  model: Model,
  contexts: readonly (readonly number[])[],
  options: CompletionOptions,
): Promise<number[][]> {
  const shared = contexts.length < 2 ? 0 : sharedLength(contexts);
  const past = shared > 0 ? prefixOf(model, contexts[0]!.slice(0, shared), options) : undefined;
  try {
    const completions: number[][] = [];
    for (const context of contexts) {
      const rest = context.slice(shared);
      completions.push(
        await generateGreedy(model, rest, { ...options, ...(past ? { past } : {}) }),
      );
    }
    return completions;
  } finally {
    past?.dispose();
  }
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
