/**
 * A neural memory: one layer on each chosen block of a frozen model. Knows no training and no file.
 */
import type { Tensor2D } from '@tensorflow/tfjs-core';
import type { TrainedVariable } from '../tensor/optimizer.ts';
import { type BlockRange, blockNumbers } from './blocks.ts';
import { type DecayRule, decays, type MemoryConfig } from './config.ts';
import {
  createLayer,
  initialValues,
  type LayerValues,
  layerValues,
  type MemoryLayer,
} from './layer.ts';

export interface Memory {
  readonly config: MemoryConfig;
  readonly blocks: BlockRange;
  /** By block number, what to apply to that block's output, (N, C) to (N, C). */
  adapters(): ReadonlyMap<number, (h: Tensor2D) => Tensor2D>;
  /** What an optimizer trains, named `blocks.4.up.weight`, in a fixed order. */
  trained(rule: DecayRule): TrainedVariable[];
  /** Present values by block number. */
  values(): Promise<ReadonlyMap<number, LayerValues>>;
  dispose(): void;
}

/** An untrained memory, drawn from the seed. */
export function initialMemory(config: MemoryConfig, blocks: BlockRange, seed: number): Memory {
  const drawn = blockNumbers(blocks).map(
    (block) => [block, initialValues(config, seed, `memory of block ${block}`)] as const,
  );
  return memoryOf(config, blocks, new Map(drawn));
}

/** A memory with given values, one entry a block of the range. */
export function memoryOf(
  config: MemoryConfig,
  blocks: BlockRange,
  values: ReadonlyMap<number, LayerValues>,
): Memory {
  const layers = new Map<number, MemoryLayer>(
    blockNumbers(blocks).map((block) => [block, createLayer(config, values.get(block)!)]),
  );
  return {
    config,
    blocks,
    adapters: () => new Map([...layers].map(([block, layer]) => [block, layer.apply])),
    trained: (rule) => [...layers].flatMap(([block, layer]) => trainedOf(block, layer, rule)),
    values: async () => {
      const entries = [...layers].map(
        async ([block, layer]) => [block, await layerValues(layer)] as const,
      );
      return new Map(await Promise.all(entries));
    },
    dispose: () => {
      for (const layer of layers.values()) layer.dispose();
    },
  };
}

function trainedOf(block: number, layer: MemoryLayer, rule: DecayRule): TrainedVariable[] {
  return [...layer.variables].map(([name, variable]) => ({
    name: `blocks.${block}.${name}`,
    variable,
    decays: decays(name, rule),
  }));
}
