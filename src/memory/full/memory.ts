/**
 * Full fine-tuning as a memory: own weights for all blocks from the first chosen one upwards, for the
 * final norm and, where it isn't the embedding, for the head. What lies below, and the embedding,
 * stay the frozen model's, so that stored trunk states hold. Knows no training.
 */
import type { Variable } from '@tensorflow/tfjs-core';
import {
  type Adapted,
  buildModel,
  loadFinalNorm,
  loadHeadWords,
  type Model,
} from '../../lm/model.ts';
import type { ModelConfig } from '../../lm/model-config.ts';
import { openModelWeights } from '../../lm/weights/open.ts';
import {
  exportParameters,
  type Parameter,
  ParameterLoader,
  parameterName,
} from '../../lm/weights/parameters.ts';
import type { WeightSource } from '../../lm/weights/safetensors.ts';
import type { BlockRange } from '../blocks.ts';
import { decays, type ParameterRole } from '../decay.ts';
import { type Memory, type MemoryValues, requireWidth } from '../memory.ts';

export interface FullConfig {
  /** The shape of the model that it replaces a part of. */
  readonly model: ModelConfig;
  /** Whether the head is trained too; a tied one never is. */
  readonly head: boolean;
}

/** Starts as a copy of the model's own weights. */
export function initialFull(folder: string, { model, head }: FullConfig, from: number): Memory {
  const config = { model, head: head && !model.tiedHead };
  return fullOf(new ParameterLoader(folder, openModelWeights(folder), true), config, {
    from,
    to: model.layers,
  });
}

/** The weights in a memory's file: a checkpoint that holds only this part. */
export function storedFull(
  source: WeightSource,
  folder: string,
  { config, blocks }: { readonly config: FullConfig; readonly blocks: BlockRange },
): Memory {
  return fullOf(new ParameterLoader(folder, source, true), config, blocks);
}

function fullOf(loader: ParameterLoader, config: FullConfig, blocks: BlockRange): Memory {
  const part = { ...blocks, embedding: false, head: false, trainable: true };
  const own = buildModel(loader, config.model, part);
  const norm = loadFinalNorm(loader, config.model);
  const words = config.head ? loadHeadWords(loader, config.model) : undefined;
  const { parameters } = loader;
  return {
    kind: 'full',
    config,
    blocks,
    parameters: parameters.reduce((sum, { tensor }) => sum + tensor.size, 0),
    on(model): Adapted {
      requireWidth(config.model.hidden, model);
      const frozen = requireHead(model);
      const head = { norm, words: words ?? frozen.words };
      const view = { ...model, blocks: new Map([...model.blocks, ...own.blocks]), head };
      return { model: view, adapters: new Map(), ownFrom: blocks.from };
    },
    trained: (rule) =>
      parameters.map((parameter) => ({
        name: parameterName(parameter),
        variable: parameter.tensor as Variable,
        decays: decays(roleOf(parameter), rule),
      })),
    values: () => valuesOf(parameters),
    dispose: () => loader.dispose(),
  };
}

function requireHead({ head }: Model) {
  if (!head) throw new Error('the model was loaded without its head');
  return head;
}

/** Norms are called `…layernorm`, `…layer_norm` or `…norm` in both families. */
function roleOf({ names, kind }: Parameter): ParameterRole {
  if (kind !== 'vector') return 'weight';
  return /norm\.(weight|bias)$/.test(names[0]!) ? 'norm' : 'bias';
}

async function valuesOf(parameters: readonly Parameter[]): Promise<MemoryValues> {
  const tensors = await exportParameters(parameters);
  return new Map(tensors.map(({ name, shape, data }) => [name, { shape, data }]));
}
