/**
 * LoRA as a memory: a low-rank update of every linear map of the chosen blocks. Knows no training and
 * no file.
 */
import {
  type Adjust,
  type Block,
  type LinearMap,
  linearMaps,
  linearShapes,
} from '../../lm/block.ts';
import type { Adapted, Model } from '../../lm/model.ts';
import { type BlockRange, blockNumbers } from '../blocks.ts';
import { decays } from '../decay.ts';
import { type Memory, MisfitError } from '../memory.ts';
import { type LoraConfig, loraParameters } from './config.ts';
import {
  addLowRank,
  createLowRank,
  flippedValues,
  initialLowRank,
  type LowRank,
  type LowRankValues,
} from './layer.ts';

/** An untrained memory, drawn from the seed; it changes nothing. */
export function initialLora(config: LoraConfig, blocks: BlockRange, seed: number): Memory {
  return loraOf(config, blocks, (block, map) =>
    initialLowRank(config.maps[map], config.rank, {
      seed,
      purpose: `memory of ${map} of block ${block}`,
    }),
  );
}

/** A memory whose values are read by their names in its file, `blocks.4.feedIn.down.weight`. */
export function storedLora(
  config: LoraConfig,
  blocks: BlockRange,
  read: (name: string) => Float32Array,
): Memory {
  return loraOf(config, blocks, (block, map) => ({
    down: read(`${nameOf(block, map)}.down.weight`),
    up: read(`${nameOf(block, map)}.up.weight`),
  }));
}

function nameOf(block: number, map: LinearMap): string {
  return `blocks.${block}.${map}`;
}

type Layers = ReadonlyMap<number, ReadonlyMap<LinearMap, LowRank>>;

function loraOf(
  config: LoraConfig,
  blocks: BlockRange,
  valuesOf: (block: number, map: LinearMap) => LowRankValues,
): Memory {
  const layers: Layers = new Map(
    blockNumbers(blocks).map((block) => [
      block,
      new Map(linearMaps.map((map) => [map, createLowRank(valuesOf(block, map), config.rank)])),
    ]),
  );
  const variables = [...layers].flatMap(([block, maps]) =>
    [...maps].flatMap(([map, { down, up }]) => [
      { name: `${nameOf(block, map)}.down.weight`, variable: down },
      { name: `${nameOf(block, map)}.up.weight`, variable: up },
    ]),
  );
  return {
    kind: 'lora',
    config,
    blocks,
    parameters: layers.size * loraParameters(config),
    on: (model) => adapted(model, config, layers),
    trained: (rule) => variables.map((item) => ({ ...item, decays: decays('weight', rule) })),
    values: async () => {
      const entries = variables.map(
        async ({ name, variable }) => [name, await flippedValues(variable)] as const,
      );
      return new Map(await Promise.all(entries));
    },
    dispose: () => {
      for (const { variable } of variables) variable.dispose();
    },
  };
}

function adapted(model: Model, config: LoraConfig, layers: Layers): Adapted {
  requireShapes(model, config);
  const blocks = new Map(model.blocks);
  for (const [index, maps] of layers) {
    const block = blocks.get(index);
    if (block) blocks.set(index, adjusted(block, maps));
  }
  const ownFrom = Math.min(...layers.keys());
  return { model: { ...model, blocks }, adapters: new Map(), ownFrom };
}

function adjusted(block: Block, maps: ReadonlyMap<LinearMap, LowRank>): Block {
  const adjust: Adjust = (map, x, y) => addLowRank(maps.get(map)!, x, y);
  return (h, call) => block(h, { ...call, adjust });
}

function requireShapes(model: Model, { maps }: LoraConfig): void {
  const found = linearShapes(model.config);
  for (const map of linearMaps) {
    if (found[map].join() === maps[map].join()) continue;
    throw new MisfitError(
      `the memory is for ${map} of ${maps[map].join(' → ')}, the model's is ${found[map].join(' → ')}`,
    );
  }
}
