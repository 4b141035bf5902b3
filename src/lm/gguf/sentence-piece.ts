/**
 * LLaMA's SentencePiece tokenizer as a BPE with byte fallback, which merges the pair whose joint piece
 * has the best score. Knows no file.
 */
import type { JsonValue } from '../json-value.ts';

export interface Pieces {
  readonly tokens: readonly string[];
  readonly scores: readonly number[];
  /** 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte. */
  readonly kinds: readonly number[];
  readonly unknown: number;
  /** Whether a text is read as if it began with a blank. */
  readonly prefixSpace: boolean;
}

const NORMAL = 1;
const BLANK = '▁';

/** The parts of `tokenizer.json` that depend on the pieces. */
export function sentencePieceModel(pieces: Pieces): { [key: string]: JsonValue } {
  const { tokens, unknown, prefixSpace } = pieces;
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [
        ...(prefixSpace ? [{ type: 'Prepend', prepend: BLANK }] : []),
        { type: 'Replace', pattern: { String: ' ' }, content: BLANK },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: BLANK }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        ...(prefixSpace ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: tokens[unknown] ?? null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: mergesOf(pieces),
    },
  };
}

/**
 * Every way to make a piece of two others, best piece first: the higher score, then the smaller id;
 * of one piece, the pair whose left part comes first in the vocabulary.
 */
function mergesOf({ tokens, scores, kinds }: Pieces): string[] {
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const normal = tokens.flatMap((token, id) => (kinds[id] === NORMAL ? [{ token, id }] : []));
  normal.sort((a, b) => scores[b.id]! - scores[a.id]! || a.id - b.id);
  return normal.flatMap(({ token }) => pairsOf(token, ids));
}

function pairsOf(token: string, ids: ReadonlyMap<string, number>): string[] {
  const characters = [...token];
  const pairs: { text: string; left: number; right: number }[] = [];
  for (let at = 1; at < characters.length; at++) {
    const head = characters.slice(0, at).join('');
    const tail = characters.slice(at).join('');
    const left = ids.get(head);
    const right = ids.get(tail);
    if (left !== undefined && right !== undefined)
      pairs.push({ text: `${head} ${tail}`, left, right });
  }
  pairs.sort((a, b) => a.left - b.left || a.right - b.right);
  return pairs.map(({ text }) => text);
}
