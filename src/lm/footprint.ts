/**
 * How many parameters the parts of a model have, and so how many bytes they need: arithmetic on its
 * config, before anything is read. Knows no file and no backend.
 */
import type { ModelConfig } from './model-config.ts';

/** Parameters of one block. */
export function blockParameters(config: ModelConfig): number {
  const { hidden, intermediate, heads, kvHeads, headDim } = config;
  const queries = heads * headDim;
  const projected = queries + 2 * kvHeads * headDim;
  const attention = hidden * projected + queries * hidden;
  if (config.family === 'llama') return attention + 3 * hidden * intermediate + 2 * hidden;
  const biases = (config.attentionBias ? projected + hidden : 0) + intermediate + hidden;
  return attention + 2 * hidden * intermediate + biases + 4 * hidden;
}

/** Of the table of words, which the head has too unless it is tied. */
export function embeddingParameters({ vocab, hidden }: ModelConfig): number {
  return vocab * hidden;
}

/** Of the head with its norm; a tied head's table is counted here too, since both are held. */
export function headParameters(config: ModelConfig): number {
  const norm = config.family === 'llama' ? config.hidden : 2 * config.hidden;
  return config.vocab * config.hidden + norm;
}

/** Of the whole model; a tied table counts once. */
export function modelParameters(config: ModelConfig): number {
  const tied = config.tiedHead ? embeddingParameters(config) : 0;
  return (
    embeddingParameters(config) +
    config.layers * blockParameters(config) +
    headParameters(config) -
    tied
  );
}

/** Bytes of blocks `[from, to)` as 32-bit floats. */
export function blockBytes(config: ModelConfig, from: number, to: number): number {
  return 4 * (to - from) * blockParameters(config);
}
