/**
 * "Did you mean": the known name that a mistyped one is closest to. Knows nothing of what is named.
 */

/** Number of single-character insertions, deletions, substitutions and neighbour swaps between two texts. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** The closest of `known` if it is close enough to be a slip (about a third of the letters), ties by order. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `Did you mean "x"?`, or what there is to choose from. */
export function suggest(name: string, known: Iterable<string>, noun: string): string {
  const all = [...known];
  const nearest = nearestName(name, all);
  if (nearest !== undefined) return `Did you mean "${nearest}"?`;
  if (all.length === 0) return `There are no ${noun}.`;
  return `Known ${noun}: ${all.join(', ')}.`;
}
