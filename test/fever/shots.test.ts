import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparableText } from '../../src/fever/claim.ts';
import { FALLBACK_CLAIMS, type Shot } from '../../src/fever/fallback-claims.ts';
import { LABELS } from '../../src/fever/label.ts';
import type { Pair } from '../../src/fever/page-group.ts';
import { writePrompt } from '../../src/fever/prompt.ts';
import { chooseShots, shotsFor } from '../../src/fever/shots.ts';

const MOST = 5;

function pair(claimId: number, claim: string, label: Pair['label'] = 'SUPPORTS'): Pair {
  return { claimId, claim, label };
}

const pairs = fc.array(
  fc.record({
    claimId: fc.nat(999),
    claim: fc.oneof(
      fc.nat(12).map((n) => `Claim number ${n}.`),
      fc.constantFrom(...FALLBACK_CLAIMS.REFUTES),
    ),
    label: fc.constantFrom(...LABELS),
  }),
  { maxLength: 20 },
);

const list = (own: readonly Pair[], page = 'P', seed = 0) =>
  chooseShots({ page, pairs: own }, MOST, seed);
const texts = (shots: readonly Shot[]) => shots.map(({ claim }) => comparableText(claim));

describe('chooseShots', () => {
  it('gives every page a full list and a spare, no text twice', () => {
    const property = fc.property(pairs, (own) => {
      const { shots } = list(own);
      expect(shots).toHaveLength(MOST + 1);
      expect(new Set(texts(shots)).size).toBe(MOST + 1);
    });
    fc.assert(property);
  });

  it('takes the page’s own pairs first, with their labels, then fallback claims with theirs', () => {
    const property = fc.property(pairs, (own) => {
      const { shots, own: ownCount } = list(own);
      shots.forEach(({ claim, label }, i) => {
        const source =
          i < ownCount ? own : FALLBACK_CLAIMS[label].map((text) => pair(0, text, label));
        expect(source).toContainEqual(expect.objectContaining({ claim, label }));
      });
    });
    fc.assert(property);
  });

  it('leaves out a text that the page has under two labels', () => {
    const own = [pair(1, 'Both.'), pair(2, 'both', 'REFUTES'), pair(3, 'Both!'), pair(4, 'One.')];
    expect(list(own)).toMatchObject({ own: 1, shots: [{ claim: 'One.' }, {}, {}, {}, {}, {}] });
  });

  it('balances the labels from the start, where the page allows it', () => {
    const own = Array.from({ length: 30 }, (_, i) =>
      pair(i, `Claim ${i}.`, LABELS[i % 10 ? 0 : 1]),
    );
    const { shots } = list(own);
    for (const k of [2, 4, 6]) {
      expect(shots.slice(0, k).filter(({ label }) => label === 'REFUTES')).toHaveLength(
        Math.min(3, k / 2),
      );
    }
  });

  it('begins with either label equally often and does not alternate, over many pages', () => {
    const own = Array.from({ length: 20 }, (_, i) => pair(i, `Claim ${i}.`, LABELS[i % 2]));
    const pages = Array.from({ length: 400 }, (_, i) => list(own, `Page ${i}`).shots);
    const first = pages.filter(([shot]) => shot?.label === 'SUPPORTS').length;
    const same = pages.filter(([, second, third]) => second?.label === third?.label).length;
    for (const count of [first, same]) expect(Math.abs(count - 200)).toBeLessThan(50);
  });

  it('depends on seed and page, and on nothing else', () => {
    const own = Array.from({ length: 20 }, (_, i) => pair(i, `Claim ${i}.`));
    expect(list(own)).toEqual(list(own));
    expect(list(own, 'P', 1)).not.toEqual(list(own));
    expect(list(own, 'Q')).not.toEqual(list(own));
  });
});

describe('shotsFor', () => {
  const shotAt = (own: readonly Pair[], i: number) => list(own).shots[i % MOST]!;

  it('never gives a claim its own text, and keeps all other shots in place', () => {
    const property = fc.property(pairs, fc.nat(MOST - 1), (own, i) => {
      const { claim } = shotAt(own, i);
      const worded = ` "${claim.toUpperCase()}" `;
      const chosen = shotsFor(worded, list(own), MOST);
      const expected = list(own).shots.slice(0, MOST);
      expected[i] = list(own).shots[MOST]!;
      expect(chosen).toEqual(expected);
    });
    fc.assert(property);
  });

  it('extends: fewer shots are a prefix of more, and so are their prompts', () => {
    const property = fc.property(pairs, fc.nat(MOST), (own, i) => {
      const claim = i < MOST ? shotAt(own, i).claim : 'Something else.';
      const all = shotsFor(claim, list(own), MOST);
      for (let k = 0; k < MOST; k += 1) {
        expect(shotsFor(claim, list(own), k)).toEqual(all.slice(0, k));
        const prompt = writePrompt({ shots: all.slice(0, k), claim });
        const shared = prompt.slice(0, prompt.lastIndexOf('\nClaim: '));
        expect(writePrompt({ shots: all, claim }).startsWith(shared)).toBe(true);
      }
    });
    fc.assert(property, { numRuns: 50 });
  });

  it('gives two claims of a page the same shots', () => {
    const own = Array.from({ length: 9 }, (_, i) => pair(i, `Claim ${i}.`));
    expect(shotsFor('This.', list(own), 5)).toEqual(shotsFor('That.', list(own), 5));
  });
});
