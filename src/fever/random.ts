/**
 * Reproducible choices, named by a text so that what one page draws does not hang on the pages before
 * it. Not for statistics and not for secrets.
 */

/** A source of numbers in [0, 1): Marsaglia's xorshift128 seeded with FNV-1a hashes of `name`. */
export function randomNamed(name: string): () => number {
  const state = Uint32Array.from([0, 1, 2, 3], (part) => hashText(`${part} ${name}`) || 1);
  const next = () => {
    let t = state[0]!;
    t ^= t << 11;
    t ^= t >>> 8;
    const last = state[3]!;
    state.copyWithin(0, 1);
    state[3] = last ^ (last >>> 19) ^ t;
    return state[3]! / 2 ** 32;
  };
  // The first draws still show how similar two names are.
  for (let i = 0; i < 16; i += 1) next();
  return next;
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A shuffled copy (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j]!, copy[i]!];
  }
  return copy;
}

/** The list begun at `start` (from 0, taken modulo its length) and continued from its beginning. */
export function rotated<T>(items: readonly T[], start: number): T[] {
  const cut = items.length === 0 ? 0 : start % items.length;
  return [...items.slice(cut), ...items.slice(0, cut)];
}
