/**
 * Which texts nearly repeat one of many: Jaccard similarity of their pairs of neighbouring words, by
 * an index that finds every such pair and not only most of them. Knows words only.
 *
 * Two sets of similarity ≥ t share an item among the rarest ⌊(1 − t) · n⌋ + 1 of each (prefix
 * filtering, Chaudhuri et al. 2006), so that only those are looked up.
 */
import { bareText } from './claim.ts';

/** From this similarity on, two texts count as one. */
export const NEAR = 0.8;

/** Pairs of neighbouring words, the text's edges included, so that one word has two. */
export function shinglesOf(text: string): ReadonlySet<string> {
  const words = ['', ...bareText(text).split(' '), ''];
  return new Set(words.slice(1).map((word, at) => `${words[at]} ${word}`));
}

export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let shared = 0;
  for (const item of a) if (b.has(item)) shared += 1;
  return shared / (a.size + b.size - shared);
}

/** Answers, of one text after another, whether some text of `corpus` nearly repeats it. */
export function nearDuplicates(corpus: Iterable<string>, least = NEAR): (text: string) => boolean {
  const sets = [...new Set(Array.from(corpus, bareText))].map(shinglesOf);
  const counts = countItems(sets);
  const index = new Map<string, number[]>();
  sets.forEach((set, at) => {
    for (const item of rarest(set, counts, least)) {
      const list = index.get(item);
      if (list) list.push(at);
      else index.set(item, [at]);
    }
  });
  return (text) => {
    const own = shinglesOf(text);
    const found = rarest(own, counts, least).flatMap((item) => index.get(item) ?? []);
    return found.some((at) => jaccard(own, sets[at]!) >= least);
  };
}

function countItems(sets: readonly ReadonlySet<string>[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const set of sets) for (const item of set) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Rarest first, equals by their text: one order for both sides. */
function rarest(
  set: ReadonlySet<string>,
  counts: ReadonlyMap<string, number>,
  least: number,
): string[] {
  const frequency = (item: string) => counts.get(item) ?? 0;
  const sorted = [...set].sort((a, b) => frequency(a) - frequency(b) || (a < b ? -1 : 1));
  return sorted.slice(0, Math.floor((1 - least) * set.size + 1e-9) + 1);
}
