import { describe, expect, it } from 'vitest';
import { corpus, corpusSettings, lastingWorld } from '../../data/world/corpus.ts';
import { realmOf, wordSource } from '../../data/world/names.ts';
import { random } from '../../data/world/random.ts';
import { makeWorld } from '../../data/world/world.ts';

const counts = { person: 24, town: 16, film: 16, guild: 13, river: 11 };

function wordsOf(names: Iterable<string>): Set<string> {
  return new Set([...names].flatMap((name) => name.split(' ')));
}

describe('wordSource', () => {
  it('never gives a word twice, and only words of its realm', () => {
    const next = wordSource('sample', random('one'));
    const words = Array.from({ length: 300 }, next);
    expect(new Set(words).size).toBe(300);
    expect(words.every((word) => realmOf(word) === 'sample')).toBe(true);
  });

  it('says so when the names are used up', () => {
    const next = wordSource('lasting', random('one'));
    expect(() => Array.from({ length: 5000 }, next)).toThrow('no more names');
  });
});

describe('the realms', () => {
  it('share no word, whatever the seeds are', () => {
    const sample = makeWorld({ realm: 'sample', seed: 'x', counts });
    const lasting = lastingWorld(corpusSettings);
    const own = wordsOf(sample.entities.map((entity) => entity.name));
    const other = wordsOf(lasting.entities.map((entity) => entity.name));
    expect([...own].filter((word) => other.has(word))).toEqual([]);
  });

  it('keep every name of the sample out of the pretraining texts', () => {
    const sample = makeWorld({ realm: 'sample', seed: 'mempipe sample 1', counts });
    const own = wordsOf(sample.entities.map((entity) => entity.name));
    const texts = corpus();
    const seen = new Set<string>();
    for (let i = 0; i < 1500; i++) {
      const { pieces } = texts.next().value;
      for (const { text } of pieces)
        for (const word of text.match(/\p{L}+/gu) ?? []) seen.add(word);
    }
    expect(seen.size).toBeGreaterThan(500);
    expect([...own].filter((word) => seen.has(word))).toEqual([]);
  });
});
