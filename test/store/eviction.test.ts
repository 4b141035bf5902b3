import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Digest, digestOf, type Key } from '../../src/pipe/digest.ts';
import { type Candidate, chooseEvictions } from '../../src/pipe/store/eviction.ts';
import { chanceOfReuse } from '../../src/pipe/store/usage.ts';

const DAY_MS = 86_400_000;
const NOW_MS = 100 * DAY_MS;
const blob = (name: string) => digestOf(name) as Digest;

function candidate(name: string, more: Partial<Candidate> = {}): Candidate {
  return {
    key: digestOf(`key of ${name}`) as string as Key,
    costMs: 1000,
    use: { count: 1, lastMs: NOW_MS },
    blobs: new Set([blob(name)]),
    bytes: 0,
    isBroken: false,
    isKept: false,
    ...more,
  };
}

const evicted = (
  candidates: readonly Candidate[],
  maxBytes: number,
  sizeOf = (_: Digest) => 100,
) => {
  const names = new Map(candidates.map(({ key }, index) => [key, index]));
  const evictions = chooseEvictions(candidates, sizeOf, { nowMs: NOW_MS, maxBytes });
  return evictions.map(({ key }) => names.get(key));
};

describe('what goes first', () => {
  it('is what is cheap to rebuild, was not used lately or often, or is large', () => {
    const dear = candidate('dear', { costMs: 10_000 });
    const cheap = candidate('cheap', { costMs: 10 });
    expect(evicted([dear, cheap], 100)).toEqual([1]);
    const old = candidate('old', { use: { count: 1, lastMs: 0 } });
    expect(evicted([candidate('young'), old], 100)).toEqual([1]);
    const often = candidate('often', { use: { count: 5, lastMs: NOW_MS } });
    expect(evicted([often, candidate('once')], 100)).toEqual([1]);
    const sizes = (digest: Digest) => (digest === blob('large') ? 900 : 100);
    expect(evicted([candidate('small'), candidate('large')], 500, sizes)).toEqual([1]);
  });

  it('is never what is pinned or in use, whatever the limit', () => {
    expect(evicted([candidate('a', { isKept: true }), candidate('b')], 0)).toEqual([1]);
  });

  it('counts a shared blob once, and by shares', () => {
    const shared = new Set([blob('shared')]);
    const twins = [candidate('one', { blobs: shared }), candidate('two', { blobs: shared })];
    expect(evicted(twins, 100)).toEqual([]);
    expect(evicted(twins, 99)).toHaveLength(2); // the first frees nothing
  });

  it('is what nobody used for longer than asked, and what has lost a part', () => {
    const old = candidate('old', { use: { count: 9, lastMs: NOW_MS - 31 * DAY_MS } });
    const kept = candidate('kept', { use: old.use, isKept: true });
    const broken = candidate('broken', { isBroken: true });
    const limits = { nowMs: NOW_MS, olderThanMs: 30 * DAY_MS };
    const chosen = chooseEvictions([old, kept, broken, candidate('young')], () => 1, limits);
    expect(chosen.map(({ key, why }) => [key, why])).toEqual([
      [old.key, 'old'],
      [broken.key, 'broken'],
    ]);
  });
});

it('the chance of reuse grows with uses and fades with time', () => {
  const at = (count: number, days: number) =>
    chanceOfReuse({ count, lastMs: NOW_MS - days * DAY_MS }, NOW_MS);
  expect(at(1, 0)).toBe(0.5);
  expect(at(1, 14)).toBe(0.25);
  expect(at(3, 0)).toBeGreaterThan(at(2, 0));
  expect(at(50, -1)).toBeLessThanOrEqual(1); // a clock that was set back
});

it('any choice fits the limit, or leaves only what is kept', () => {
  const trace = fc.record({
    costMs: fc.nat(10_000),
    blobs: fc.uniqueArray(fc.nat(12), { maxLength: 4 }),
    ageDays: fc.nat(90),
    isKept: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(trace, { maxLength: 20 }), fc.nat(1500), (traces, maxBytes) => {
      const sizeOf = (digest: Digest) => 10 + (Number.parseInt(digest.slice(0, 2), 16) % 100);
      const candidates = traces.map(({ costMs, blobs, ageDays, isKept }, index) =>
        candidate(String(index), {
          costMs,
          isKept,
          bytes: 7,
          blobs: new Set(blobs.map((each) => blob(`b${each}`))),
          use: { count: 1, lastMs: NOW_MS - ageDays * DAY_MS },
        }),
      );
      const gone = new Set(
        chooseEvictions(candidates, sizeOf, { nowMs: NOW_MS, maxBytes }).map(({ key }) => key),
      );
      const left = candidates.filter(({ key }) => !gone.has(key));
      const held = new Set(left.flatMap(({ blobs }) => [...blobs]));
      const bytes = [...held].reduce((sum, each) => sum + sizeOf(each), 0) + 7 * left.length;
      expect(bytes <= maxBytes || left.every(({ isKept }) => isKept)).toBe(true);
      expect(candidates.every(({ key, isKept }) => !isKept || !gone.has(key))).toBe(true);
    }),
    { numRuns: 300 },
  );
});
