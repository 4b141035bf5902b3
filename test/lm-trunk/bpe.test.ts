import { Tokenizer } from '@huggingface/tokenizers';
import { describe, expect, it } from 'vitest';
import {
  byteCharacters,
  endOfText,
  tokenizerConfigJson,
  tokenizerJson,
  trainBpe,
} from '../../src/lm/bpe.ts';

const texts = ['low lower lowest low low', 'newer newest wider', 'naïve café — 123 (a)\nA: (b)'];

function load(vocabSize: number): Tokenizer {
  const bpe = trainBpe(texts, vocabSize);
  return new Tokenizer(tokenizerJson(bpe) as object, tokenizerConfigJson(64) as object);
}

describe('trainBpe', () => {
  it('gives a tokenizer that brings every text back', () => {
    const tokenizer = load(290);
    for (const text of [...texts, 'unseen 漢字 🙂\n\n  tabs\t', "it's"]) {
      const { ids } = tokenizer.encode(text, { add_special_tokens: false });
      expect(tokenizer.decode(ids, { skip_special_tokens: false })).toBe(text);
    }
  });

  it('merges the most frequent pair first, and the smaller ids of equals', () => {
    const { merges } = trainBpe(['ab ab ab cd cd cd'], 260);
    expect(merges.map(([left, right]) => left + right)).toEqual(['ab', 'cd']);
  });

  it('uses what it learnt', () => {
    const { ids } = load(290).encode('low', { add_special_tokens: false });
    expect(ids).toHaveLength(1);
  });

  it('numbers the special tokens first and every byte once', () => {
    const { vocab } = trainBpe(texts, 266);
    expect(vocab.get(endOfText)).toBe(0);
    expect(new Set(byteCharacters()).size).toBe(256);
    expect(vocab.size).toBe(266);
  });

  it('is the same every time', () => {
    expect(JSON.stringify(tokenizerJson(trainBpe(texts, 280)))).toBe(
      JSON.stringify(tokenizerJson(trainBpe(texts, 280))),
    );
  });
});
