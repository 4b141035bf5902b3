/**
 * Writes a LLaMA-shaped model with cheap random weights as F16 shards, to see whether a model of that
 * size fits: its texts mean nothing.
 *
 *     node tools/write-random-llama.mjs FOLDER [13b|7b|mini]
 *
 * 13b takes 26 GB of disk. The tokenizer is that of test/fixtures/tokenizer-llama.
 */
import { closeSync, copyFileSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const SIZES = {
  '13b': { layers: 40, hidden: 5120, heads: 40, intermediate: 13824 },
  '7b': { layers: 32, hidden: 4096, heads: 32, intermediate: 11008 },
  mini: { layers: 10, hidden: 64, heads: 4, intermediate: 160 },
};
const VOCAB = 32000;
const SHARDS = 6;

const [folder, size = '13b'] = process.argv.slice(2);
const shape = SIZES[size];
if (!folder || !shape) {
  console.error('usage: node tools/write-random-llama.mjs FOLDER [13b|7b|mini]');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const { layers, hidden, heads, intermediate } = shape;
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  num_key_value_heads: heads,
  intermediate_size: intermediate,
  hidden_act: 'silu',
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  vocab_size: VOCAB,
  max_position_embeddings: 4096,
  tie_word_embeddings: false,
  torch_dtype: 'float16',
};
writeFileSync(join(folder, 'config.json'), JSON.stringify(config, null, 2));
const tokenizer = join(
  dirname(dirname(fileURLToPath(import.meta.url))),
  'test/fixtures/tokenizer-llama',
);
for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
  copyFileSync(join(tokenizer, name), join(folder, name));
}

/** 16 MiB of halves between ±0.03 and ±0.06, with random signs and fractions. */
const noise = new Uint16Array(8 * 2 ** 20);
let state = 1;
for (let i = 0; i < noise.length; i++) {
  state = (state * 48271) % 2147483647;
  noise[i] = ((state & 1) << 15) | (10 << 10) | ((state >> 8) & 0x3ff);
}
const noiseBytes = Buffer.from(noise.buffer);
/** 1.0, for the norms. */
const ones = Buffer.from(new Uint16Array(hidden).fill(0x3c00).buffer);

const shards = Array.from({ length: SHARDS }, () => []);
const matrix = (shard, name, rows, columns) => shards[shard].push([name, [rows, columns]]);
matrix(0, 'model.embed_tokens.weight', VOCAB, hidden);
for (let layer = 0; layer < layers; layer++) {
  const shard = Math.floor((layer * SHARDS) / layers);
  const name = `model.layers.${layer}`;
  for (const part of ['q', 'k', 'v', 'o']) {
    matrix(shard, `${name}.self_attn.${part}_proj.weight`, hidden, hidden);
  }
  matrix(shard, `${name}.mlp.gate_proj.weight`, intermediate, hidden);
  matrix(shard, `${name}.mlp.up_proj.weight`, intermediate, hidden);
  matrix(shard, `${name}.mlp.down_proj.weight`, hidden, intermediate);
  shards[shard].push([`${name}.input_layernorm.weight`, [hidden]]);
  shards[shard].push([`${name}.post_attention_layernorm.weight`, [hidden]]);
}
shards[SHARDS - 1].push(['model.norm.weight', [hidden]]);
matrix(SHARDS - 1, 'lm_head.weight', VOCAB, hidden);

const places = {};
shards.forEach((tensors, index) => {
  const file = `model-${String(index + 1).padStart(5, '0')}-of-${String(SHARDS).padStart(5, '0')}.safetensors`;
  for (const [name] of tensors) places[name] = file;
  writeShard(join(folder, file), tensors);
  console.log(file);
});
writeFileSync(
  join(folder, 'model.safetensors.index.json'),
  JSON.stringify({ metadata: {}, weight_map: places }),
);

function writeShard(path, tensors) {
  const header = {};
  let offset = 0;
  for (const [name, extents] of tensors) {
    const end = offset + 2 * extents.reduce((product, extent) => product * extent, 1);
    header[name] = { dtype: 'F16', shape: extents, data_offsets: [offset, end] };
    offset = end;
  }
  const text = Buffer.from(JSON.stringify(header));
  const padded = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  padded.writeBigUInt64LE(BigInt(padded.length - 8), 0);
  text.copy(padded, 8);
  const file = openSync(path, 'w');
  writeAll(file, padded);
  for (const [, extents] of tensors) {
    if (extents.length === 1) writeAll(file, ones);
    else writeNoise(file, 2 * extents[0] * extents[1]);
  }
  closeSync(file);
}

function writeNoise(file, bytes) {
  for (let done = 0; done < bytes; done += noiseBytes.length) {
    writeAll(file, noiseBytes.subarray(0, Math.min(noiseBytes.length, bytes - done)));
  }
}

function writeAll(file, bytes) {
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
}
