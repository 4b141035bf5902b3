/**
 * The tensors of a GGUF file under the names and in the order of rows that a Hugging Face folder of
 * the same model has. Dequantised one by one, as they are read. Knows the LLaMA architecture only.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { ModelFileError } from '../model-file-error.ts';
import type { WeightSource } from '../weights/safetensors.ts';
import { READABLE_FORMATS } from './dequantise.ts';
import { type GgufHeader, type GgufTensor, readGgufHeader } from './header.ts';

/** GGUF's name of what a Hugging Face folder calls so; `N` is the block's number. */
const NAMES: readonly (readonly [huggingFace: string, gguf: string])[] = [
  ['model.embed_tokens.weight', 'token_embd.weight'],
  ['model.norm.weight', 'output_norm.weight'],
  ['lm_head.weight', 'output.weight'],
  ['model.layers.N.input_layernorm.weight', 'blk.N.attn_norm.weight'],
  ['model.layers.N.self_attn.q_proj.weight', 'blk.N.attn_q.weight'],
  ['model.layers.N.self_attn.k_proj.weight', 'blk.N.attn_k.weight'],
  ['model.layers.N.self_attn.v_proj.weight', 'blk.N.attn_v.weight'],
  ['model.layers.N.self_attn.o_proj.weight', 'blk.N.attn_output.weight'],
  ['model.layers.N.post_attention_layernorm.weight', 'blk.N.ffn_norm.weight'],
  ['model.layers.N.mlp.gate_proj.weight', 'blk.N.ffn_gate.weight'],
  ['model.layers.N.mlp.up_proj.weight', 'blk.N.ffn_up.weight'],
  ['model.layers.N.mlp.down_proj.weight', 'blk.N.ffn_down.weight'],
];

/** @throws ModelFileError for damaged files; reading throws it for formats that this code can't read */
export function openGgufWeights(file: string): WeightSource {
  const header = readGgufHeader(file);
  const find = (name: string): GgufTensor => {
    const tensor = header.tensors.get(ggufName(name));
    if (tensor) return tensor;
    throw new ModelFileError(`has no tensor "${ggufName(name)}" ("${name}")`, file);
  };
  return {
    names: () => [...header.tensors.keys()].map(huggingFaceName),
    shape: (name) => [...find(name).shape],
    read: (name) => readTensor(header, find(name)),
    fileOf: () => file,
  };
}

function ggufName(name: string): string {
  return translate(name, (pair) => pair);
}

function huggingFaceName(name: string): string {
  return translate(name, ([huggingFace, gguf]) => [gguf, huggingFace]);
}

/** A name that is in no pair stays as it is. */
function translate(
  name: string,
  direction: (pair: readonly [string, string]) => readonly [string, string],
): string {
  const number = /\.(\d+)\./.exec(name)?.[1];
  const general = number === undefined ? name : name.replace(`.${number}.`, '.N.');
  const pair = NAMES.map(direction).find(([from]) => from === general);
  return pair ? pair[1].replace('N', number ?? 'N') : name;
}

function readTensor(header: GgufHeader, tensor: GgufTensor): Float32Array {
  const { name, format, bytes } = tensor;
  const { file } = header;
  if (!format.decode) {
    const supported = `supported are ${READABLE_FORMATS.join(', ')}`;
    throw new ModelFileError(`tensor "${name}" is ${format.name}`, file, supported);
  }
  const values = format.decode(readBytes(file, tensor.offset, bytes));
  const heads = headsOf(header, name);
  return heads === undefined ? values : unpermute(values, heads, tensor.shape);
}

/** Heads of the query and key projections, whose rows llama.cpp has in another order; else undefined. */
function headsOf({ scalar }: GgufHeader, name: string): number | undefined {
  if (!/^blk\.\d+\.attn_[qk]\.weight$/.test(name)) return undefined;
  const heads = scalar('llama.attention.head_count') as number;
  if (name.includes('attn_q')) return heads;
  return (scalar('llama.attention.head_count_kv') as number | undefined) ?? heads;
}

/**
 * llama.cpp turns neighbouring rows of a head together, Hugging Face's code row i with row i + D/2.
 * Row `2 i + half` of a head there is row `half · D/2 + i` here.
 */
function unpermute(
  values: Float32Array,
  heads: number,
  [rows = 0, width = 0]: readonly number[],
): Float32Array {
  const result = new Float32Array(values.length);
  const headRows = rows / heads;
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / headRows);
    const inHead = row % headRows;
    const half = Math.floor(inHead / (headRows / 2));
    const from = head * headRows + 2 * (inHead % (headRows / 2)) + half;
    result.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return result;
}

function readBytes(file: string, offset: number, bytes: number): Uint8Array {
  const descriptor = openSync(file, 'r');
  try {
    const target = new Uint8Array(bytes);
    let done = 0;
    while (done < bytes) {
      const wanted = Math.min(bytes - done, 2 ** 30);
      const count = readSync(descriptor, target, done, wanted, offset + done);
      if (count === 0)
        throw new ModelFileError(`is truncated: it ends at byte ${offset + done}`, file);
      done += count;
    }
    return target;
  } finally {
    closeSync(descriptor);
  }
}
