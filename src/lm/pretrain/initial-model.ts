/**
 * A GPT-NeoX model that has learnt nothing yet, as a Hugging Face folder. Knows no training.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededRng } from '../../tensor/rng.ts';
import type { JsonValue } from '../json-value.ts';
import { writeSafetensors } from '../weights/write-safetensors.ts';

export interface ModelShape {
  readonly layers: number;
  readonly hidden: number;
  readonly heads: number;
  /** Width of the feed-forward layer. */
  readonly intermediate: number;
  /** The share of each head that turns with the position. */
  readonly rotaryShare: number;
  readonly vocab: number;
  readonly maxPositions: number;
}

/** GPT-NeoX's `config.json`, with the names that Transformers reads. */
export function configJson(shape: ModelShape, dtype: 'float32' | 'float16'): JsonValue {
  return {
    architectures: ['GPTNeoXForCausalLM'],
    model_type: 'gpt_neox',
    vocab_size: shape.vocab,
    hidden_size: shape.hidden,
    num_hidden_layers: shape.layers,
    num_attention_heads: shape.heads,
    intermediate_size: shape.intermediate,
    hidden_act: 'gelu',
    rotary_pct: shape.rotaryShare,
    rotary_emb_base: 10000,
    max_position_embeddings: shape.maxPositions,
    layer_norm_eps: 1e-5,
    use_parallel_residual: true,
    attention_bias: true,
    tie_word_embeddings: false,
    initializer_range: initializerRange,
    bos_token_id: 0,
    eos_token_id: 0,
    torch_dtype: dtype,
    use_cache: true,
  };
}

const initializerRange = 0.02;

/** Writes `config.json` and `model.safetensors` (F32), drawn from the seed. */
export function writeInitialModel(folder: string, shape: ModelShape, seed: number): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(configJson(shape, 'float32'), null, 2));
  const tensors = [...parameterShapes(shape)].map(([name, size]) => ({
    name,
    shape: size,
    data: initialData(name, size, shape.layers, seed),
    dtype: 'F32' as const,
  }));
  writeSafetensors(join(folder, 'model.safetensors'), tensors);
}

/** Every tensor of the checkpoint and its shape; linear weights are (out, in). */
function parameterShapes({
  layers,
  hidden,
  intermediate,
  vocab,
}: ModelShape): Map<string, number[]> {
  const shapes = new Map<string, number[]>([['gpt_neox.embed_in.weight', [vocab, hidden]]]);
  const linear = (name: string, outputs: number, inputs: number): void => {
    shapes.set(`${name}.weight`, [outputs, inputs]).set(`${name}.bias`, [outputs]);
  };
  const norm = (name: string): void => {
    shapes.set(`${name}.weight`, [hidden]).set(`${name}.bias`, [hidden]);
  };
  for (let layer = 0; layer < layers; layer++) {
    const name = `gpt_neox.layers.${layer}`;
    norm(`${name}.input_layernorm`);
    norm(`${name}.post_attention_layernorm`);
    linear(`${name}.attention.query_key_value`, 3 * hidden, hidden);
    linear(`${name}.attention.dense`, hidden, hidden);
    linear(`${name}.mlp.dense_h_to_4h`, intermediate, hidden);
    linear(`${name}.mlp.dense_4h_to_h`, hidden, intermediate);
  }
  norm('gpt_neox.final_layer_norm');
  return shapes.set('embed_out.weight', [vocab, hidden]);
}

/**
 * Normal with deviation 0.02; what writes into the residual stream is divided by √(2 · layers), as
 * in GPT-2. Norms start as identities, biases at zero.
 */
function initialData(
  name: string,
  size: readonly number[],
  layers: number,
  seed: number,
): Float32Array {
  const data = new Float32Array(size.reduce((product, extent) => product * extent, 1));
  if (name.endsWith('.bias')) return data;
  if (size.length === 1) return data.fill(1);
  const writes = name.endsWith('attention.dense.weight') || name.endsWith('4h_to_h.weight');
  const deviation = initializerRange / (writes ? Math.sqrt(2 * layers) : 1);
  const rng = seededRng(seed, `initial ${name}`);
  return data.map(() => deviation * rng.normal());
}
