/**
 * Trains a byte-level BPE tokenizer (Sennrich et al., 2016; bytes as in GPT-2) and gives it as the
 * `tokenizer.json` and `tokenizer_config.json` of a GPT-NeoX model. Deterministic: ties go to the
 * pair of smaller token ids. Knows no model.
 */
import type { JsonValue } from './json-value.ts';

export const endOfText = '<|endoftext|>';
const padding = '<|padding|>';

/** GPT-2's pre-tokenizer: contractions, words, numbers and signs, each with its leading blank. */
const wordPattern = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu;

export interface Bpe {
  /** Token → id: the special tokens, the 256 bytes, then one a merge. */
  readonly vocab: ReadonlyMap<string, number>;
  readonly merges: readonly (readonly [string, string])[];
}

interface Word {
  /** Token ids. */
  readonly ids: number[];
  readonly count: number;
}

/** Learns merges until there are `vocabSize` tokens, or until no pair occurs twice. */
export function trainBpe(texts: Iterable<string>, vocabSize: number): Bpe {
  const tokens = [endOfText, padding, ...byteCharacters().sort()];
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const words = countWords(texts, ids);
  const merges: [string, string][] = [];
  const pairs = new PairCounts(words);
  while (tokens.length < vocabSize) {
    const best = pairs.best();
    if (best === undefined) break;
    const [left, right] = best;
    merges.push([tokens[left]!, tokens[right]!]);
    pairs.merge(best, tokens.length);
    ids.set(tokens[left]! + tokens[right]!, tokens.length);
    tokens.push(tokens[left]! + tokens[right]!);
  }
  return { vocab: ids, merges };
}

/** The printable stand-in of each byte, as in GPT-2: itself, or the next unused character from U+0100. */
export function byteCharacters(): string[] {
  let unused = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
    return String.fromCodePoint(printable ? byte : unused++);
  });
}

function countWords(texts: Iterable<string>, ids: ReadonlyMap<string, number>): Word[] {
  const counts = new Map<string, number>();
  for (const text of texts) {
    for (const [word] of text.normalize('NFC').matchAll(wordPattern)) {
      counts.set(word, (counts.get(word) ?? 0) + 1);
    }
  }
  const characters = byteCharacters();
  return [...counts].map(([word, count]) => ({
    ids: [...Buffer.from(word, 'utf8')].map((byte) => ids.get(characters[byte]!)!),
    count,
  }));
}

type Pair = readonly [left: number, right: number];

/** How often each pair of neighbouring tokens occurs, kept up to date over merges. */
class PairCounts {
  private readonly words: readonly Word[];
  private readonly counts = new Map<number, number>();
  /** Words that hold (or once held) a pair. */
  private readonly holders = new Map<number, Set<number>>();

  constructor(words: readonly Word[]) {
    this.words = words;
    for (const index of words.keys()) this.add(index, 1);
  }

  /** The most frequent pair; of equals, the one with the smaller ids. Undefined if none occurs twice. */
  best(): Pair | undefined {
    let chosen: number | undefined;
    let most = 1;
    for (const [key, count] of this.counts) {
      if (count > most || (count === most && chosen !== undefined && key < chosen)) {
        chosen = key;
        most = count;
      }
    }
    return chosen === undefined ? undefined : [Math.floor(chosen / pairBase), chosen % pairBase];
  }

  merge([left, right]: Pair, merged: number): void {
    const key = left * pairBase + right;
    for (const index of this.holders.get(key) ?? []) {
      this.add(index, -1);
      mergeIn(this.words[index]!.ids, [left, right], merged);
      this.add(index, 1);
    }
    this.counts.delete(key);
    this.holders.delete(key);
  }

  /** Counts the word's pairs in (+1) or out (−1). */
  private add(index: number, sign: 1 | -1): void {
    const { ids, count } = this.words[index]!;
    for (let at = 0; at + 1 < ids.length; at++) {
      const key = ids[at]! * pairBase + ids[at + 1]!;
      this.counts.set(key, (this.counts.get(key) ?? 0) + sign * count);
      const holders = this.holders.get(key);
      if (holders) holders.add(index);
      else this.holders.set(key, new Set([index]));
    }
  }
}

/** More than any vocabulary here, so that a pair of ids is one number. */
const pairBase = 2 ** 24;

function mergeIn(ids: number[], [left, right]: Pair, merged: number): void {
  let kept = 0;
  for (let at = 0; at < ids.length; at++) {
    const joins = ids[at] === left && ids[at + 1] === right;
    ids[kept++] = joins ? merged : ids[at]!;
    if (joins) at++;
  }
  ids.length = kept;
}

/** The contents of `tokenizer.json`, as the Hugging Face libraries read it. */
export function tokenizerJson({ vocab, merges }: Bpe): JsonValue {
  const byteLevel = {
    type: 'ByteLevel',
    add_prefix_space: false,
    trim_offsets: true,
    use_regex: true,
  };
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [endOfText, padding].map((content) => ({
      id: vocab.get(content)!,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'NFC' },
    pre_tokenizer: byteLevel,
    post_processor: byteLevel,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      vocab: Object.fromEntries(vocab),
      merges: merges.map(([left, right]) => `${left} ${right}`),
    },
  };
}

/** The contents of `tokenizer_config.json`. */
export function tokenizerConfigJson(maxPositions: number): JsonValue {
  return {
    tokenizer_class: 'GPTNeoXTokenizerFast',
    add_prefix_space: false,
    bos_token: endOfText,
    eos_token: endOfText,
    unk_token: endOfText,
    pad_token: padding,
    model_max_length: maxPositions,
    clean_up_tokenization_spaces: false,
  };
}
