/**
 * The shape of the model in a GGUF file, from its metadata. What this code cannot compute exactly is
 * refused by name. Knows no tensor's content.
 */
import type { ModelConfig } from '../model-config.ts';
import { ModelFileError } from '../model-file-error.ts';
import { type GgufHeader, type GgufScalar, readGgufHeader } from './header.ts';

/** @throws ModelFileError for another architecture, missing metadata, or a feature that is not computed here */
export function readGgufConfig(file: string): ModelConfig {
  const header = readGgufHeader(file);
  const architecture = header.scalar('general.architecture');
  if (architecture !== 'llama') {
    throw new ModelFileError(
      `holds a model of the architecture ${JSON.stringify(architecture)}`,
      file,
      'of GGUF files, LLaMA models are supported; take the Hugging Face folder of others',
    );
  }
  refuseUnsupported(header);
  return configOf(header);
}

function configOf(header: GgufHeader): ModelConfig {
  const hidden = count(header, 'llama.embedding_length');
  const heads = count(header, 'llama.attention.head_count');
  const headDim = count(header, 'llama.attention.key_length', hidden / heads);
  const rotaryDims = count(header, 'llama.rope.dimension_count', headDim);
  if (rotaryDims !== headDim || headDim % 2 !== 0) {
    throw wrong(header, `turns ${rotaryDims} of ${headDim} dimensions a head`);
  }
  const kvHeads = count(header, 'llama.attention.head_count_kv', heads);
  if (heads % kvHeads !== 0) throw wrong(header, `lets ${heads} heads share ${kvHeads} key heads`);
  return {
    family: 'llama',
    hidden,
    heads,
    headDim,
    kvHeads,
    layers: count(header, 'llama.block_count'),
    rotaryDims,
    rotaryBase: number(header, 'llama.rope.freq_base', 10000),
    intermediate: count(header, 'llama.feed_forward_length'),
    normEps: shortest(number(header, 'llama.attention.layer_norm_rms_epsilon')),
    parallelResidual: false,
    attentionBias: false,
    tiedHead: !header.tensors.has('output.weight'),
    vocab: vocabulary(header),
    maxPositions: count(header, 'llama.context_length'),
    activation: 'swiglu',
  };
}

/** The rows of the embedding are what the model has, whatever else the metadata say. */
function vocabulary(header: GgufHeader): number {
  const rows = header.tensors.get('token_embd.weight')?.shape[0];
  if (rows !== undefined && rows > 0) return rows;
  throw wrong(header, 'has no tensor "token_embd.weight"');
}

function refuseUnsupported(header: GgufHeader): void {
  const scaling = header.scalar('llama.rope.scaling.type') ?? 'none';
  if (scaling !== 'none') throw wrong(header, `has llama.rope.scaling.type "${scaling}"`);
  for (const key of ['llama.rope.scale_linear', 'llama.rope.scaling.factor']) {
    const factor = header.scalar(key) ?? 1;
    if (factor !== 1 && factor !== 0) throw wrong(header, `has ${key} ${factor}`);
  }
  const experts = header.scalar('llama.expert_count') ?? 0;
  if (experts !== 0) throw wrong(header, `has llama.expert_count ${experts}`);
  const window = header.scalar('llama.attention.sliding_window') ?? 0;
  if (window !== 0) throw wrong(header, `has llama.attention.sliding_window ${window}`);
  for (const name of header.tensors.keys()) {
    if (/rope_freqs|rope_factors|\.bias$|attn_[qk]_norm/.test(name)) {
      throw wrong(header, `has the tensor "${name}"`);
    }
  }
}

function wrong({ file }: GgufHeader, what: string): ModelFileError {
  return new ModelFileError(`${what}, which is not supported`, file);
}

function number(header: GgufHeader, key: string, fallback?: number): number {
  const value: GgufScalar | undefined = header.scalar(key) ?? fallback;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const found = value === undefined ? 'missing' : JSON.stringify(value);
  throw new ModelFileError(`metadata "${key}" must be a number, found ${found}`, header.file);
}

function count(header: GgufHeader, key: string, fallback?: number): number {
  const value = number(header, key, fallback);
  if (Number.isInteger(value) && value > 0) return value;
  const message = `metadata "${key}" must be a positive integer, found ${value}`;
  throw new ModelFileError(message, header.file);
}

/** The decimal that was meant: 1e-5, where float32 says 0.00000999999974737875. */
function shortest(value: number): number {
  return Number(value.toPrecision(7));
}
