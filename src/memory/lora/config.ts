/**
 * What shapes a LoRA memory (Hu et al., 2021), and the rank at which it has as many parameters as an
 * adapter. Knows no tensor.
 */
import { type LinearMap, linearMaps, linearShapes } from '../../lm/block.ts';
import type { ModelConfig } from '../../lm/model-config.ts';

export interface LoraConfig {
  readonly rank: number;
  /** Of each adjusted map, columns read and columns written. */
  readonly maps: Readonly<Record<LinearMap, readonly [from: number, to: number]>>;
}

/** All four linear maps of a block are adjusted, in rank `rank`; 0 matches `parameters` a block. */
export function loraConfig(
  model: ModelConfig,
  { rank, parameters }: { readonly rank: number; readonly parameters: number },
): LoraConfig {
  const maps = linearShapes(model);
  const perRank = loraParameters({ rank: 1, maps });
  return { rank: rank === 0 ? Math.max(1, Math.round(parameters / perRank)) : rank, maps };
}

/** Parameters of one block: rank · (in + out) of each map. */
export function loraParameters({ rank, maps }: LoraConfig): number {
  return linearMaps.reduce((sum, map) => sum + rank * (maps[map][0] + maps[map][1]), 0);
}
