import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName, suggest } from '../../src/pipe/config/nearest-name.ts';

describe('editDistance', () => {
  it('counts insertions, deletions, substitutions and swaps', () => {
    expect(editDistance('topK', 'topk')).toBe(1);
    expect(editDistance('trian', 'train')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });

  it('is symmetric, zero only for equal texts, and at most the longer length', () => {
    const text = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBe(editDistance(b, a));
        expect(distance === 0).toBe(a === b);
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});

describe('nearestName', () => {
  it('finds a slip but not another word', () => {
    expect(nearestName('retires', ['use', 'retries', 'timeout'])).toBe('retries');
    expect(nearestName('TOPK', ['topK'])).toBe('topK');
    expect(nearestName('banana', ['use', 'cmd'])).toBeUndefined();
  });

  it('falls back to listing what there is', () => {
    expect(suggest('banana', ['use', 'cmd'], 'keys')).toBe('Known keys: use, cmd.');
    expect(suggest('banana', [], 'stages')).toBe('There are no stages.');
  });
});
