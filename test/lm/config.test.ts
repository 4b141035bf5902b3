import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const neox = {
  model_type: 'gpt_neox',
  hidden_size: 512,
  num_attention_heads: 8,
  num_hidden_layers: 6,
  intermediate_size: 2048,
  hidden_act: 'gelu',
  rotary_pct: 0.25,
  rotary_emb_base: 10000,
  layer_norm_eps: 1e-5,
  use_parallel_residual: true,
  tie_word_embeddings: false,
  vocab_size: 50304,
  max_position_embeddings: 2048,
};
const llama = {
  model_type: 'llama',
  hidden_size: 576,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  num_hidden_layers: 30,
  intermediate_size: 1536,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  tie_word_embeddings: true,
  vocab_size: 49152,
  max_position_embeddings: 8192,
};

function read(config: unknown) {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  writeFileSync(join(folder, 'config.json'), text);
  return readModelConfig(folder);
}

it('reads a Pythia as published', () => {
  expect(read(neox)).toEqual({
    family: 'neox',
    hidden: 512,
    layers: 6,
    heads: 8,
    kvHeads: 8,
    headDim: 64,
    rotaryDims: 16,
    rotaryBase: 10000,
    intermediate: 2048,
    normEps: 1e-5,
    parallelResidual: true,
    attentionBias: true,
    tiedHead: false,
    vocab: 50304,
    maxPositions: 2048,
    activation: 'gelu',
  });
});

it('reads a LLaMA with grouped queries and a tied head', () => {
  const config = read(llama);
  expect(config).toMatchObject({ family: 'llama', heads: 9, kvHeads: 3, headDim: 64 });
  expect(config).toMatchObject({ rotaryDims: 64, rotaryBase: 100000, tiedHead: true });
});

it('reads rotary parameters where newer versions write them', () => {
  const { rotary_pct, rotary_emb_base, ...rest } = neox;
  const parameters = { rope_type: 'default', rope_theta: 5000, partial_rotary_factor: 0.5 };
  expect(read({ ...rest, rope_parameters: parameters })).toMatchObject({
    rotaryBase: 5000,
    rotaryDims: 32,
  });
});

it.each([
  ['another architecture', { ...llama, model_type: 'gpt2' }, 'model_type "gpt2" is not supported'],
  [
    'rotary scaling',
    { ...llama, rope_scaling: { rope_type: 'llama3', factor: 8 } },
    'rope_scaling "llama3" is not supported',
  ],
  [
    'rotary scaling of the newer form',
    { ...llama, rope_parameters: { rope_type: 'yarn', rope_theta: 1e4 } },
    'rope_parameters "yarn" is not supported',
  ],
  [
    'weights packed by another library',
    { ...llama, quantization_config: { quant_method: 'gptq' } },
    'quantization_config: {"quant_method":"gptq"} is not supported',
  ],
  ['biases in LLaMA', { ...llama, attention_bias: true }, 'attention_bias: true is not supported'],
  ['another activation', { ...neox, hidden_act: 'relu' }, 'hidden_act "relu" is not supported'],
  [
    'a missing field',
    { ...neox, vocab_size: undefined },
    '"vocab_size" must be a number, found missing',
  ],
  ['a wrong type', { ...neox, hidden_size: '512' }, '"hidden_size" must be a number, found "512"'],
  [
    'a fraction',
    { ...neox, num_hidden_layers: 1.5 },
    '"num_hidden_layers" must be a positive integer',
  ],
  ['heads that do not divide', { ...neox, hidden_size: 500 }, 'not a multiple of 8 heads'],
  [
    'key heads that do not divide',
    { ...llama, num_key_value_heads: 4 },
    'cannot share 4 key heads',
  ],
  ['no JSON', '{', 'is not JSON'],
  ['no object', '3', 'is not a JSON object'],
])('refuses %s by name', (_what, config, message) => {
  expect(() => read(config)).toThrow(message);
  expect(() => read(config)).toThrow(join(folder, 'config.json'));
});

it('names a missing config.json', () => {
  expect(() => readModelConfig(folder)).toThrow(
    /config\.json: cannot be read \(ENOENT\)\n {2}hint: /,
  );
});
