import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/lm/config.ts';
import { readGgufHeader } from '../../../src/lm/gguf/header.ts';
import { ModelFileError } from '../../../src/lm/model-file-error.ts';
import { loadTokenizer } from '../../../src/lm/tokenizer.ts';
import { openModelWeights } from '../../../src/lm/weights/open.ts';
import {
  type FileSpec,
  ggufFile,
  numberPair,
  pairOfKind,
  text,
  textPair,
  u32,
  u64,
} from './gguf-writer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gguf-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = () => join(folder, 'x.gguf');
const fixture = join(import.meta.dirname, '..', '..', 'fixtures', 'gguf', 'byte-level.gguf');
const F32 = 0;
const LIST = 9;

function refusal(work: () => unknown): ModelFileError {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ModelFileError);
    return error as ModelFileError;
  }
  throw new Error('nothing was refused');
}

function refusalOf(spec: FileSpec | Buffer): ModelFileError {
  writeFileSync(path(), Buffer.isBuffer(spec) ? spec : ggufFile(spec));
  const error = refusal(() => readGgufHeader(path()));
  expect(error.file).toBe(path());
  return error;
}

const tensor = (
  name: string,
  extents: (number | bigint)[],
  offset: number | bigint = 0,
  format = F32,
) => ({
  name,
  extents,
  offset,
  format,
});

describe('a damaged file is refused, with its byte', () => {
  const cases: [string, FileSpec | Buffer, string][] = [
    ['an empty file', Buffer.alloc(0), 'is truncated: the magic number would end at byte 4 of 0'],
    ['another kind of file', { magic: 'PK\u0003\u0004' }, 'is no GGUF file (byte 0)'],
    ['an old version', { version: 1 }, 'is GGUF version 1; supported are 2 and 3 (byte 4)'],
    ['the other byte order', { version: 0x03000000 }, 'is a big-endian GGUF file'],
    [
      'more tensors than it has bytes',
      { tensorCount: 2 ** 40 },
      'is truncated: at byte 8, the number of tensors is 1099511627776',
    ],
    [
      'a count past all bounds',
      { pairCount: 2n ** 64n - 1n },
      'states the number of metadata as 18446744073709551615, past all bounds (byte 16)',
    ],
    [
      'a key of exabytes',
      { pairCount: 1, pairs: [Buffer.concat([u64(2n ** 60n), Buffer.alloc(8)])] },
      'states the length of a metadata key as 1152921504606846976, past all bounds (byte 24)',
    ],
    [
      'a key that is longer than the file',
      { pairCount: 1, pairs: [Buffer.concat([u64(2 ** 40), Buffer.alloc(8)])] },
      'at byte 24, the length of a metadata key is 1099511627776',
    ],
    [
      'a list that is longer than the file',
      { pairs: [pairOfKind('tokens', LIST, Buffer.concat([u32(8), u64(2 ** 33)]))] },
      'the length of "tokens" is 8589934592',
    ],
    [
      'a list of lists',
      { pairs: [pairOfKind('x', LIST, Buffer.concat([u32(LIST), u64(0)]))] },
      'has items of kind 9 in the list "x", not supported',
    ],
    ['an unknown kind', { pairs: [pairOfKind('x', 77, u64(0))] }, 'gives "x" the unknown kind 77'],
    [
      'a key twice',
      { pairs: [numberPair('x', 1), numberPair('x', 2)] },
      'has the metadata key "x" twice',
    ],
    [
      'an alignment of zero',
      { pairs: [numberPair('general.alignment', 0)] },
      'aligns tensors to 0 bytes',
    ],
    [
      'five dimensions',
      { tensors: [tensor('a', [1, 1, 1, 1, 1])] },
      'gives the tensor "a" 5 dimensions (byte 24)',
    ],
    [
      'a shape whose product overflows',
      { tensors: [tensor('a', [2n ** 32n, 2n ** 32n])] },
      'gives the tensor "a" the shape [4294967296,4294967296], past all bounds',
    ],
    [
      'a shape of negative numbers',
      { tensors: [tensor('a', [2n ** 64n - 1n])] },
      'states a dimension of "a" as 18446744073709551615, past all bounds',
    ],
    [
      'a tensor beyond the end',
      { tensors: [tensor('a', [1_000_000_000])] },
      'is truncated: tensor "a" ends at byte 4000000064 of 64',
    ],
    [
      'a tensor that begins beyond the end',
      { tensors: [tensor('a', [1], 2 ** 40)], data: new Uint8Array(32) },
      'is truncated: tensor "a" ends at byte',
    ],
    [
      'tensors over each other',
      { tensors: [tensor('a', [16]), tensor('b', [16], 32)], data: new Uint8Array(96) },
      'places the tensor "b" over the tensor "a"',
    ],
    [
      'a tensor twice',
      { tensors: [tensor('a', [1]), tensor('a', [1], 32)], data: new Uint8Array(64) },
      'has the tensor "a" twice',
    ],
    [
      'an unaligned tensor',
      { tensors: [tensor('a', [1], 4)], data: new Uint8Array(64) },
      'places the tensor "a" at 4, no multiple of the alignment 32',
    ],
    [
      'rows that are no whole blocks',
      { tensors: [tensor('a', [33, 2], 0, 8)], data: new Uint8Array(128) },
      'gives the tensor "a" rows of 33, no multiple of Q8_0\'s 32',
    ],
  ];
  it.each(cases)('%s', (_what, spec, message) => {
    expect(refusalOf(spec).message).toContain(message);
  });

  it('any truncation of a good file', () => {
    const whole = readFileSync(fixture);
    const lengths = [
      ...Array(200).keys(),
      ...Array.from({ length: 120 }, (_, i) => 200 + i * 1707),
    ];
    for (const length of lengths.filter((bytes) => bytes < whole.length)) {
      writeFileSync(path(), whole.subarray(0, length));
      expect(refusal(() => readGgufHeader(path())).message).toContain('is truncated');
    }
  });

  it('a missing file', () => {
    expect(refusal(() => readGgufHeader(path())).message).toContain('cannot be opened (ENOENT)');
  });
});

describe('what this code can’t compute is refused by name', () => {
  const llama = [
    textPair('general.architecture', 'llama'),
    numberPair('llama.embedding_length', 8),
    numberPair('llama.attention.head_count', 2),
    numberPair('llama.block_count', 1),
    numberPair('llama.context_length', 16),
    numberPair('llama.feed_forward_length', 8),
  ];
  const epsilon = pairOfKind('llama.attention.layer_norm_rms_epsilon', 6, floatBytes(1e-5));
  const embedding = { tensors: [tensor('token_embd.weight', [8, 3])], data: new Uint8Array(96) };
  const refused = (pairs: readonly Uint8Array[], spec: FileSpec = embedding): string => {
    writeFileSync(path(), ggufFile({ ...spec, pairs: [...llama, epsilon, ...pairs] }));
    return refusal(() => readModelConfig(path())).message;
  };

  it('reads the rest', () => {
    writeFileSync(path(), ggufFile({ ...embedding, pairs: [...llama, epsilon] }));
    expect(readModelConfig(path())).toMatchObject({
      kvHeads: 2,
      headDim: 4,
      vocab: 3,
      tiedHead: true,
      normEps: 1e-5,
      rotaryBase: 10000,
    });
  });
  it('another architecture', () => {
    writeFileSync(path(), ggufFile({ pairs: [textPair('general.architecture', 'gemma')] }));
    const error = refusal(() => readModelConfig(path()));
    expect(error.message).toContain('holds a model of the architecture "gemma"');
  });
  it('scaled rotary positions', () => {
    expect(refused([textPair('llama.rope.scaling.type', 'yarn')])).toContain(
      'has llama.rope.scaling.type "yarn", which is not supported',
    );
    const frequencies = [tensor('token_embd.weight', [8, 3]), tensor('rope_freqs.weight', [2], 96)];
    expect(refused([], { tensors: frequencies, data: new Uint8Array(128) })).toContain(
      'has the tensor "rope_freqs.weight"',
    );
  });
  it('experts and windows', () => {
    expect(refused([numberPair('llama.expert_count', 8)])).toContain('has llama.expert_count 8');
    expect(refused([numberPair('llama.attention.sliding_window', 4096)])).toContain(
      'has llama.attention.sliding_window 4096',
    );
  });
  it('heads that cannot share', () => {
    expect(refused([numberPair('llama.attention.head_count_kv', 3)])).toContain(
      'lets 2 heads share 3 key heads',
    );
  });
  it('a missing or senseless number', () => {
    writeFileSync(path(), ggufFile({ ...embedding, pairs: llama }));
    expect(refusal(() => readModelConfig(path())).message).toContain(
      'metadata "llama.attention.layer_norm_rms_epsilon" must be a number, found missing',
    );
    expect(refused([numberPair('llama.attention.head_count_kv', 0)])).toContain(
      'metadata "llama.attention.head_count_kv" must be a positive integer, found 0',
    );
  });
  it('a format that it can’t read, once that tensor is read', () => {
    const tensors = [tensor('output_norm.weight', [256], 0, 10)];
    writeFileSync(path(), ggufFile({ tensors, data: new Uint8Array(84) }));
    const error = refusal(() => openModelWeights(path()).read('model.norm.weight'));
    expect(error.message).toContain('tensor "output_norm.weight" is Q2_K');
    expect(error.hint).toContain('supported are F32, F16');
  });
  it('a tensor that is not there', () => {
    writeFileSync(path(), ggufFile({}));
    expect(refusal(() => openModelWeights(path()).shape('model.norm.weight')).message).toContain(
      'has no tensor "output_norm.weight"',
    );
  });
  it('kinds of tokenizers', () => {
    const tokens = pairOfKind(
      'tokenizer.ggml.tokens',
      LIST,
      Buffer.concat([u32(8), u64(1), text('a')]),
    );
    writeFileSync(path(), ggufFile({ pairs: [tokens, textPair('tokenizer.ggml.model', 'bert')] }));
    expect(refusal(() => loadTokenizer(path())).message).toContain(
      'has a tokenizer of the kind "bert"',
    );
    const words = [
      textPair('tokenizer.ggml.model', 'gpt2'),
      textPair('tokenizer.ggml.pre', 'jais'),
    ];
    writeFileSync(path(), ggufFile({ pairs: [tokens, ...words] }));
    expect(refusal(() => loadTokenizer(path())).message).toContain('cuts words in the way "jais"');
    writeFileSync(path(), ggufFile({}));
    expect(refusal(() => loadTokenizer(path())).message).toContain(
      'has no list of texts "tokenizer.ggml.tokens"',
    );
  });
});

function floatBytes(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return bytes;
}
