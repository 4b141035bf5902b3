/**
 * What every kind of memory is: trainable parameters that change a frozen model from some block
 * upwards, without touching it. Knows none of them.
 */
import type { Adapted, Model } from '../lm/model.ts';
import type { TrainedVariable } from '../tensor/optimizer.ts';
import type { BlockRange } from './blocks.ts';
import type { DecayRule } from './decay.ts';

/**
 * `adapter`: a small network beside each block's output (the note's memory). `lora`: low-rank updates
 * of the linear maps inside of the same blocks. `full`: own weights from the first of them upwards.
 */
export type MemoryKind = 'adapter' | 'lora' | 'full';

/** By name, in the layout of the file: linear weights are (out, in) as in PyTorch. */
export type MemoryValues = ReadonlyMap<string, { shape: number[]; data: Float32Array }>;

export interface Memory {
  readonly kind: MemoryKind;
  /** The blocks that it changes; all that lies below them is the frozen model's. */
  readonly blocks: BlockRange;
  /** What the file must say beside the values, to build it again. */
  readonly config: object;
  /** How many numbers it trains. */
  readonly parameters: number;
  /** The model with this memory in it. Throws MisfitError. */
  on(model: Model): Adapted;
  /** What an optimizer trains, in a fixed order. */
  trained(rule: DecayRule): TrainedVariable[];
  /** Present values, in a fixed order. */
  values(): Promise<MemoryValues>;
  dispose(): void;
}

/** A memory was made for a model of another shape. */
export class MisfitError extends Error {}

export function requireWidth(width: number, model: Model): void {
  if (model.config.hidden === width) return;
  throw new MisfitError(
    `the memory is for states of width ${width}, the model's are ${model.config.hidden} wide`,
  );
}
