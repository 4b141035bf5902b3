/** The models that the experiment names, as their `config.json` is published, without their weights. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import type { ModelConfig } from '../../src/lm/model-config.ts';
import { openWeights } from '../../src/lm/weights/safetensors.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';

interface Published {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly parameters: number;
  readonly rotaryDims: number;
  /** The first and the last block with a memory. */
  readonly memory: readonly [number, number];
}

const pythia = (
  name: string,
  [hidden, layers, heads]: readonly [number, number, number],
  rest: Omit<Published, 'name' | 'config'> & { readonly vocab?: number },
): Published => ({
  ...rest,
  name,
  config: {
    architectures: ['GPTNeoXForCausalLM'],
    bos_token_id: 0,
    eos_token_id: 0,
    hidden_act: 'gelu',
    hidden_size: hidden,
    initializer_range: 0.02,
    intermediate_size: 4 * hidden,
    layer_norm_eps: 1e-5,
    max_position_embeddings: 2048,
    model_type: 'gpt_neox',
    num_attention_heads: heads,
    num_hidden_layers: layers,
    rotary_emb_base: 10000,
    rotary_pct: 0.25,
    tie_word_embeddings: false,
    torch_dtype: 'float16',
    use_cache: true,
    use_parallel_residual: true,
    vocab_size: rest.vocab ?? 50304,
  },
});

const llama2 = (
  name: string,
  [hidden, layers, heads, intermediate]: readonly [number, number, number, number],
  rest: Omit<Published, 'name' | 'config'>,
): Published => ({
  ...rest,
  name,
  config: {
    architectures: ['LlamaForCausalLM'],
    bos_token_id: 1,
    eos_token_id: 2,
    hidden_act: 'silu',
    hidden_size: hidden,
    initializer_range: 0.02,
    intermediate_size: intermediate,
    max_position_embeddings: 4096,
    model_type: 'llama',
    num_attention_heads: heads,
    num_hidden_layers: layers,
    num_key_value_heads: heads,
    pretraining_tp: 1,
    rms_norm_eps: 1e-5,
    rope_scaling: null,
    tie_word_embeddings: false,
    torch_dtype: 'float16',
    use_cache: true,
    vocab_size: 32000,
  },
});

const models: Published[] = [
  pythia('pythia-14m', [128, 6, 4], { parameters: 14_067_712, rotaryDims: 8, memory: [4, 4] }),
  pythia('pythia-70m', [512, 6, 8], { parameters: 70_426_624, rotaryDims: 16, memory: [4, 4] }),
  pythia('pythia-160m', [768, 12, 12], { parameters: 162_322_944, rotaryDims: 16, memory: [8, 9] }),
  pythia('pythia-410m', [1024, 24, 16], {
    parameters: 405_334_016,
    rotaryDims: 16,
    memory: [16, 19],
  }),
  pythia('pythia-1b', [2048, 16, 8], {
    parameters: 1_011_781_632,
    rotaryDims: 64,
    memory: [11, 12],
  }),
  pythia('pythia-1.4b', [2048, 24, 16], {
    parameters: 1_414_647_808,
    rotaryDims: 32,
    memory: [16, 19],
  }),
  pythia('pythia-2.8b', [2560, 32, 32], {
    parameters: 2_775_208_960,
    rotaryDims: 20,
    memory: [22, 25],
  }),
  pythia('pythia-6.9b', [4096, 32, 32], {
    parameters: 6_857_302_016,
    rotaryDims: 32,
    memory: [22, 25],
    vocab: 50432,
  }),
  pythia('pythia-12b', [5120, 36, 40], {
    parameters: 11_846_072_320,
    rotaryDims: 32,
    memory: [25, 28],
    vocab: 50688,
  }),
  llama2('llama-2-7b', [4096, 32, 32, 11008], {
    parameters: 6_738_415_616,
    rotaryDims: 128,
    memory: [22, 25],
  }),
  llama2('llama-2-13b', [5120, 40, 40, 13824], {
    parameters: 13_015_864_320,
    rotaryDims: 128,
    memory: [28, 31],
  }),
];

it.each(models)('reads $name as published', ({ config, parameters, rotaryDims, memory }) => {
  const folder = mkdtempSync(join(tmpdir(), 'published-'));
  try {
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    const read = readModelConfig(folder);
    expect(countParameters(read)).toBe(parameters);
    expect(read.rotaryDims).toBe(rotaryDims);
    expect(read.kvHeads).toBe(read.heads);
    const blocks = memoryBlocks(read.layers);
    expect([blocks.from, blocks.to - 1]).toEqual(memory);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const fixtures = join(import.meta.dirname, '..', 'fixtures');
const known = ['neox-parallel', 'neox-sequential', 'llama-mha-tied', 'llama-gqa', 'llama-mqa'];

it.each(known)('counts the numbers that the files of %s hold', (name) => {
  const folder = join(fixtures, name);
  const weights = openWeights(folder);
  const held = weights.names().map((tensor) => sizeOf(weights.shape(tensor)));
  expect(countParameters(readModelConfig(folder))).toBe(held.reduce((sum, size) => sum + size, 0));
});

function countParameters(config: ModelConfig): number {
  const { vocab, hidden, layers, tiedHead } = config;
  const norms = config.family === 'neox' ? 2 * hidden : hidden;
  return vocab * hidden * (tiedHead ? 1 : 2) + layers * countBlock(config) + norms;
}

function countBlock({
  family,
  hidden,
  intermediate,
  heads,
  kvHeads,
  headDim,
}: ModelConfig): number {
  const projections = hidden * headDim * (2 * heads + 2 * kvHeads);
  if (family === 'llama') return projections + 3 * hidden * intermediate + 2 * hidden;
  const biases = 3 * hidden + hidden + intermediate + hidden;
  return projections + 2 * hidden * intermediate + biases + 4 * hidden;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

it('takes the embedded model for what its files say', () => {
  const folder = join(import.meta.dirname, '..', '..', 'models', 'neox-mini');
  const said = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'));
  expect(readModelConfig(folder)).toMatchObject({
    hidden: said.hidden_size,
    vocab: said.vocab_size,
  });
});
