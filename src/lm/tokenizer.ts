/**
 * Text to token ids and back, by the model's own `tokenizer.json` or GGUF file. Special tokens are added exactly
 * where the model's files demand it (LLaMA's BOS). Knows no template and no label.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as Implementation } from '@huggingface/tokenizers';
import { exactWords } from './exact-words.ts';
import { isAbsence } from './file-presence.ts';
import { readGgufTokenizer } from './gguf/tokenizer.ts';
import { ModelFileError } from './model-file-error.ts';
import { isGguf } from './model-place.ts';

export interface Tokenizer {
  /** `bare` leaves out the special tokens that a text of its own would get. */
  readonly encode: (text: string, options?: { readonly bare?: boolean }) => number[];
  /** Special tokens are left out. */
  readonly decode: (ids: readonly number[]) => string;
  readonly bosId?: number;
  readonly eosId?: number;
  /** Ids are below this (the model's embedding may be larger). */
  readonly size: number;
}

/**
 * @param model a folder, or a GGUF file
 * @throws ModelFileError if `tokenizer.json` is missing or damaged
 */
export function loadTokenizer(model: string): Tokenizer {
  const { file, tokenizer, config } = readDocuments(model);
  const implementation = construct(file, tokenizer, config);
  const bosId = idOf(implementation, config.bos_token);
  const eosId = idOf(implementation, config.eos_token);
  const change = bosChange(implementation, bosId, config.add_bos_token);
  return {
    encode: (text, { bare = false } = {}) => {
      const { ids } = implementation.encode(text, { add_special_tokens: !bare });
      if (bare || change === 0) return ids;
      return change === 1 ? [bosId!, ...ids] : ids.slice(1);
    },
    decode: (ids) => decode(implementation, ids),
    size: implementation.get_vocab(true).size,
    ...(bosId === undefined ? {} : { bosId }),
    ...(eosId === undefined ? {} : { eosId }),
  };
}

interface Documents {
  /** Holds the tokenizer. */
  readonly file: string;
  readonly tokenizer: object;
  readonly config: Readonly<Record<string, unknown>>;
}

function readDocuments(model: string): Documents {
  if (isGguf(model)) return { file: model, ...readGgufTokenizer(model) };
  const config = readObject(join(model, 'tokenizer_config.json')) ?? {};
  const file = join(model, 'tokenizer.json');
  const tokenizer = readObject(file);
  if (tokenizer) return { file, tokenizer, config };
  const hint = `copy the tokenizer.json of the model's repository into ${model}`;
  throw new ModelFileError('the model folder has no tokenizer.json', model, hint);
}

function readObject(file: string): Record<string, unknown> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (isAbsence(error)) return undefined;
    throw new ModelFileError(`cannot be read (${code})`, file);
  }
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new ModelFileError(`is not JSON (${(error as Error).message})`, file);
  }
}

function construct(file: string, document: object, config: object): Implementation {
  try {
    return new Implementation(exactWords(document), config);
  } catch (error) {
    throw new ModelFileError(`is no usable tokenizer (${(error as Error).message})`, file);
  }
}

/** A token is written as its text or as an object that holds it. */
function idOf(implementation: Implementation, token: unknown): number | undefined {
  const text =
    typeof token === 'string' ? token : (token as { content?: string } | null | undefined)?.content;
  return text === undefined ? undefined : implementation.token_to_id(text);
}

/**
 * How many tokens to put before what the implementation gives (1), or to take away from it (−1):
 * `add_bos_token` overrules the template of tokenizer.json, as in Transformers. A text that begins
 * with the token itself keeps it.
 */
function bosChange(
  implementation: Implementation,
  bosId: number | undefined,
  wanted: unknown,
): -1 | 0 | 1 {
  if (bosId === undefined || typeof wanted !== 'boolean') return 0;
  const templated = implementation.encode('').ids[0] === bosId;
  if (wanted === templated) return 0;
  return wanted ? 1 : -1;
}

function decode(implementation: Implementation, ids: readonly number[]): string {
  if (ids.length === 0) return '';
  return implementation.decode([...ids], {
    skip_special_tokens: true,
    clean_up_tokenization_spaces: false,
  });
}
