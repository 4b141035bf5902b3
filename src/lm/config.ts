/**
 * Reads the shape of a frozen model from a Hugging Face folder's `config.json` or from the metadata of
 * a GGUF file. Knows no tensor. What this code cannot compute exactly is refused by name and never
 * approximated.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readGgufConfig } from './gguf/config.ts';
import type { Activation, ModelConfig } from './model-config.ts';
import { ModelFileError } from './model-file-error.ts';
import { isGguf } from './model-place.ts';

/**
 * @param model a folder, or a GGUF file
 * @throws ModelFileError for a missing, malformed or unsupported `config.json` or GGUF file
 */
export function readModelConfig(model: string): ModelConfig {
  if (isGguf(model)) return readGgufConfig(model);
  return readFolderConfig(model);
}

function readFolderConfig(folder: string): ModelConfig {
  const file = join(folder, 'config.json');
  const reader = new ConfigReader(file, parseConfig(file));
  const type = reader.text('model_type');
  if (type === 'gpt_neox') return check(readNeox(reader), file);
  if (type === 'llama') return check(readLlama(reader), file);
  throw new ModelFileError(
    `model_type "${type}" is not supported`,
    file,
    'use a GPT-NeoX (Pythia) or LLaMA model',
  );
}

function parseConfig(file: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ModelFileError(
      `cannot be read (${(error as NodeJS.ErrnoException).code})`,
      file,
      'a model folder holds config.json, tokenizer.json and *.safetensors',
    );
  }
  try {
    const value: unknown = JSON.parse(text);
    if (value !== null && typeof value === 'object') return value as Record<string, unknown>;
  } catch (error) {
    throw new ModelFileError(`is not JSON (${(error as Error).message})`, file);
  }
  throw new ModelFileError('is not a JSON object', file);
}

function readNeox(config: ConfigReader): ModelConfig {
  const hidden = config.count('hidden_size');
  const heads = config.count('num_attention_heads');
  const headDim = hidden / heads;
  const share = config.rotary('partial_rotary_factor') ?? config.number('rotary_pct', 0.25);
  return {
    family: 'neox',
    hidden,
    heads,
    headDim,
    kvHeads: heads,
    layers: config.count('num_hidden_layers'),
    rotaryDims: Math.floor(headDim * share),
    rotaryBase:
      config.rotary('rope_theta') ??
      config.number('rotary_emb_base', config.number('rope_theta', 10000)),
    intermediate: config.count('intermediate_size'),
    normEps: config.number('layer_norm_eps', 1e-5),
    parallelResidual: config.flag('use_parallel_residual', true),
    attentionBias: config.flag('attention_bias', true),
    tiedHead: config.flag('tie_word_embeddings', false),
    vocab: config.count('vocab_size'),
    maxPositions: config.count('max_position_embeddings'),
    activation: config.activation({
      gelu: 'gelu',
      gelu_new: 'gelu-tanh',
      gelu_fast: 'gelu-tanh',
      gelu_pytorch_tanh: 'gelu-tanh',
    }),
  };
}

function readLlama(config: ConfigReader): ModelConfig {
  const hidden = config.count('hidden_size');
  const heads = config.count('num_attention_heads');
  const headDim = config.number('head_dim', hidden / heads);
  config.refuse('mlp_bias');
  config.refuse('attention_bias');
  return {
    family: 'llama',
    hidden,
    heads,
    headDim,
    kvHeads: config.number('num_key_value_heads', heads),
    layers: config.count('num_hidden_layers'),
    rotaryDims: headDim,
    rotaryBase: config.rotary('rope_theta') ?? config.number('rope_theta', 10000),
    intermediate: config.count('intermediate_size'),
    normEps: config.number('rms_norm_eps', 1e-6),
    parallelResidual: false,
    attentionBias: false,
    tiedHead: config.flag('tie_word_embeddings', false),
    vocab: config.count('vocab_size'),
    maxPositions: config.count('max_position_embeddings'),
    activation: config.activation({ silu: 'swiglu' }),
  };
}

function check(config: ModelConfig, file: string): ModelConfig {
  const { heads, kvHeads, headDim, rotaryDims } = config;
  const wrong = (message: string): never => {
    throw new ModelFileError(message, file);
  };
  if (!Number.isInteger(headDim))
    wrong(`hidden_size ${config.hidden} is not a multiple of ${heads} heads`);
  if (kvHeads < 1 || heads % kvHeads !== 0)
    wrong(`${heads} heads cannot share ${kvHeads} key heads`);
  if (rotaryDims % 2 !== 0) wrong(`the rotary share gives ${rotaryDims} dimensions, an odd number`);
  if (rotaryDims > headDim) wrong(`${rotaryDims} rotary dimensions in heads of ${headDim}`);
  return config;
}

/** Typed access to the JSON, with errors that name the file and the field. */
class ConfigReader {
  readonly file: string;
  readonly values: Record<string, unknown>;

  constructor(file: string, values: Record<string, unknown>) {
    this.file = file;
    this.values = values;
    this.refuseScaling();
    this.refuse('quantization_config');
  }

  text(name: string): string {
    const value = this.values[name];
    if (typeof value === 'string') return value;
    throw this.wrong(name, 'a string');
  }

  number(name: string, fallback?: number): number {
    const value = this.values[name] ?? fallback;
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw this.wrong(name, 'a number');
  }

  count(name: string): number {
    const value = this.number(name);
    if (Number.isInteger(value) && value > 0) return value;
    throw this.wrong(name, 'a positive integer');
  }

  flag(name: string, fallback: boolean): boolean {
    const value = this.values[name] ?? fallback;
    if (typeof value === 'boolean') return value;
    throw this.wrong(name, 'true or false');
  }

  activation(known: Record<string, Activation>): Activation {
    const name = this.text('hidden_act');
    const activation = known[name];
    if (activation) return activation;
    throw this.unsupported(`hidden_act "${name}"`);
  }

  /** A field of `rope_parameters`, where newer versions of Transformers keep what was at the top. */
  rotary(name: string): number | undefined {
    const nested = this.values.rope_parameters as Record<string, unknown> | null | undefined;
    const value = nested?.[name];
    return typeof value === 'number' ? value : undefined;
  }

  /** Refuses a feature that is switched on. */
  refuse(name: string): void {
    const value = this.values[name];
    if (value) throw this.unsupported(`${name}: ${JSON.stringify(value).slice(0, 80)}`);
  }

  private refuseScaling(): void {
    for (const name of ['rope_scaling', 'rope_parameters']) {
      const value = this.values[name] as Record<string, unknown> | null | undefined;
      const kind = value?.rope_type ?? value?.type ?? 'default';
      const plain = value == null || (kind === 'default' && value.factor === undefined);
      if (!plain) throw this.unsupported(`${name} "${kind}"`);
    }
  }

  private unsupported(what: string): ModelFileError {
    return new ModelFileError(`${what} is not supported`, this.file);
  }

  private wrong(name: string, expected: string): ModelFileError {
    const found = JSON.stringify(this.values[name]) ?? 'missing';
    return new ModelFileError(`"${name}" must be ${expected}, found ${found}`, this.file);
  }
}
