/** An untrained memory of any kind, from the settings of a training. Knows no stage. */
import { readModelConfig } from '../lm/config.ts';
import { type AdapterConfig, adapterParameters, noteMemory } from './adapter/config.ts';
import { initialAdapter } from './adapter/memory.ts';
import type { BlockRange } from './blocks.ts';
import { initialFull } from './full/memory.ts';
import { loraConfig } from './lora/config.ts';
import { initialLora } from './lora/memory.ts';
import type { Memory, MemoryKind } from './memory.ts';

export interface MemorySettings extends Omit<AdapterConfig, 'width' | 'normEps'> {
  readonly kind: MemoryKind;
  /** Of `lora`; 0 takes as many parameters as an adapter of this `hidden` and `norm` has. */
  readonly rank: number;
  /** Of `full`: whether an untied head is trained too. */
  readonly trainHead: boolean;
}

export interface MemoryPlace {
  /** Folder of the model. */
  readonly model: string;
  readonly blocks: BlockRange;
  readonly seed: number;
}

/** `full` takes its first block from the place, and all above it. */
export function initialMemory(settings: MemorySettings, place: MemoryPlace): Memory {
  const { blocks, seed } = place;
  const model = readModelConfig(place.model);
  const { hidden, gateInit, norm, rank } = settings;
  const adapter = { ...noteMemory, hidden, gateInit, norm, width: model.hidden };
  switch (settings.kind) {
    case 'adapter':
      return initialAdapter(adapter, blocks, seed);
    case 'lora': {
      const parameters = adapterParameters(adapter);
      return initialLora(loraConfig(model, { rank, parameters }), blocks, seed);
    }
    case 'full':
      return initialFull(place.model, { model, head: settings.trainHead }, blocks.from);
  }
}
