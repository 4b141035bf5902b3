/**
 * The note's memory: one layer on the output of each chosen block. Knows no training and no file.
 */
import type { TrainedVariable } from '../../tensor/optimizer.ts';
import { type BlockRange, blockNumbers } from '../blocks.ts';
import { type DecayRule, decays, type ParameterRole } from '../decay.ts';
import { type Memory, type MemoryValues, requireWidth } from '../memory.ts';
import { type AdapterConfig, adapterParameters } from './config.ts';
import {
  createLayer,
  initialValues,
  type LayerValues,
  layerShapes,
  layerValues,
  type MemoryLayer,
} from './layer.ts';

/** An untrained memory, drawn from the seed. */
export function initialAdapter(config: AdapterConfig, blocks: BlockRange, seed: number): Memory {
  const drawn = blockNumbers(blocks).map(
    (block) => [block, initialValues(config, seed, `memory of block ${block}`)] as const,
  );
  return adapterOf(config, blocks, new Map(drawn));
}

/** A memory whose values are read by their names in its file, `blocks.4.up.weight`. */
export function storedAdapter(
  config: AdapterConfig,
  blocks: BlockRange,
  read: (name: string) => Float32Array,
): Memory {
  const values = new Map<number, LayerValues>();
  for (const block of blockNumbers(blocks)) {
    const entries = [...layerShapes(config)].map(
      ([name, shape]) => [name, { shape, data: read(`blocks.${block}.${name}`) }] as const,
    );
    values.set(block, new Map(entries));
  }
  return adapterOf(config, blocks, values);
}

/** A memory with given values, one entry a block of the range. */
function adapterOf(
  config: AdapterConfig,
  blocks: BlockRange,
  values: ReadonlyMap<number, LayerValues>,
): Memory {
  const layers = new Map<number, MemoryLayer>(
    blockNumbers(blocks).map((block) => [block, createLayer(config, values.get(block)!)]),
  );
  const adapters = new Map([...layers].map(([block, layer]) => [block, layer.apply]));
  return {
    kind: 'adapter',
    config,
    blocks,
    parameters: layers.size * adapterParameters(config),
    on(model) {
      requireWidth(config.width, model);
      return { model, adapters, ownFrom: model.config.layers };
    },
    trained: (rule) => [...layers].flatMap(([block, layer]) => trainedOf(block, layer, rule)),
    values: () => valuesOf(layers),
    dispose: () => {
      for (const layer of layers.values()) layer.dispose();
    },
  };
}

function trainedOf(block: number, layer: MemoryLayer, rule: DecayRule): TrainedVariable[] {
  return [...layer.variables].map(([name, variable]) => ({
    name: `blocks.${block}.${name}`,
    variable,
    decays: decays(roleOf(name), rule),
  }));
}

/** Of `up.weight`, `down.bias`, `norm.weight`, `gate`. */
function roleOf(parameter: string): ParameterRole {
  if (parameter === 'gate') return 'gate';
  if (parameter.startsWith('norm.')) return 'norm';
  return parameter.endsWith('.bias') ? 'bias' : 'weight';
}

async function valuesOf(layers: ReadonlyMap<number, MemoryLayer>): Promise<MemoryValues> {
  const all = [...layers].map(async ([block, layer]) =>
    [...(await layerValues(layer))].map(
      ([name, value]) => [`blocks.${block}.${name}`, value] as const,
    ),
  );
  return new Map((await Promise.all(all)).flat());
}
