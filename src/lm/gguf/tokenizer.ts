/**
 * The tokenizer of a GGUF file, as the `tokenizer.json` and `tokenizer_config.json` that a Hugging
 * Face folder of the same model would hold. Kinds are known by name, and others refused: a tokenizer
 * that splits words otherwise gives other ids without a sign of it.
 */
import type { JsonValue } from '../json-value.ts';
import { ModelFileError } from '../model-file-error.ts';
import { type GgufHeader, readGgufHeader } from './header.ts';
import { sentencePieceModel } from './sentence-piece.ts';

export interface TokenizerDocuments {
  readonly tokenizer: { readonly [key: string]: JsonValue };
  readonly config: { readonly [key: string]: JsonValue };
}

const CONTROL = 3;
const USER_DEFINED = 4;

/** @throws ModelFileError for kinds of tokenizer that are not known here */
export function readGgufTokenizer(file: string): TokenizerDocuments {
  const header = readGgufHeader(file);
  const tokens = strings(header, 'tokenizer.ggml.tokens');
  const kind = header.scalar('tokenizer.ggml.model');
  const tokenizer = { ...documentOf(header, kind, tokens), ...frame(header, tokens) };
  const named = (key: string): string | null => {
    const id = header.scalar(`tokenizer.ggml.${key}_token_id`);
    return typeof id === 'number' ? (tokens[id] ?? null) : null;
  };
  const addBos = header.scalar('tokenizer.ggml.add_bos_token') ?? kind === 'llama';
  return {
    tokenizer,
    config: {
      add_bos_token: addBos === true,
      bos_token: named('bos'),
      eos_token: named('eos'),
      unk_token: named('unknown'),
    },
  };
}

function documentOf(header: GgufHeader, kind: unknown, tokens: readonly string[]) {
  if (kind === 'gpt2') return byteLevelDocument(header, tokens);
  if (kind === 'llama') {
    refuseAddedEos(header);
    return sentencePieceModel({
      tokens,
      scores: numbers(header, 'tokenizer.ggml.scores'),
      kinds: numbers(header, 'tokenizer.ggml.token_type'),
      unknown: (header.scalar('tokenizer.ggml.unknown_token_id') as number | undefined) ?? 0,
      prefixSpace: header.scalar('tokenizer.ggml.add_space_prefix') !== false,
    });
  }
  throw new ModelFileError(
    `has a tokenizer of the kind ${JSON.stringify(kind ?? null)}`,
    header.file,
    'supported are "gpt2" (byte-level BPE) and "llama" (SentencePiece)',
  );
}

function refuseAddedEos({ scalar, file }: GgufHeader): void {
  if (scalar('tokenizer.ggml.add_eos_token') !== true) return;
  throw new ModelFileError('ends every text with an EOS token, which is not supported', file);
}

/** What is the same for all kinds: the tokens that are taken whole, wherever they stand. */
function frame(header: GgufHeader, tokens: readonly string[]): { [key: string]: JsonValue } {
  const kinds = numbers(header, 'tokenizer.ggml.token_type');
  const added = tokens.flatMap((content, id) =>
    kinds[id] === CONTROL || kinds[id] === USER_DEFINED
      ? [{ ...addedToken, id, content, special: kinds[id] === CONTROL }]
      : [],
  );
  return { version: '1.0', truncation: null, padding: null, added_tokens: added };
}

const addedToken = { single_word: false, lstrip: false, rstrip: false, normalized: false };

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true };

/** How texts are cut into words before the merges, by llama.cpp's name for it. */
const WORDS: Readonly<Record<string, JsonValue>> = {
  'gpt-2': { ...byteLevel, use_regex: true },
  smollm: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Digits', individual_digits: true },
      { ...byteLevel, use_regex: true },
    ],
  },
};

function byteLevelDocument(header: GgufHeader, tokens: readonly string[]) {
  const name = header.scalar('tokenizer.ggml.pre') ?? 'gpt-2';
  const words = WORDS[String(name)];
  if (words === undefined) {
    throw new ModelFileError(
      `cuts words in the way "${name}" (tokenizer.ggml.pre)`,
      header.file,
      `supported are ${Object.keys(WORDS).join(', ')}; or take the Hugging Face folder of the model`,
    );
  }
  return {
    normalizer: null,
    pre_tokenizer: words,
    post_processor: { ...byteLevel, use_regex: true },
    decoder: { ...byteLevel, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: strings(header, 'tokenizer.ggml.merges'),
    },
  };
}

function strings(header: GgufHeader, key: string): string[] {
  const list = header.list(key);
  if (list?.every((item) => typeof item === 'string')) return list as string[];
  throw new ModelFileError(`has no list of texts "${key}"`, header.file);
}

function numbers(header: GgufHeader, key: string): number[] {
  const list = header.list(key);
  if (list?.every((item) => typeof item === 'number')) return list as number[];
  throw new ModelFileError(`has no list of numbers "${key}"`, header.file);
}
