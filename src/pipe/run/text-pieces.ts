/**
 * Texts that are put together of one piece a rank, whose lengths are known. Knows nothing of what they
 * say.
 */

/** A text of one piece a rank, with other pieces for some. */
export function spliced(
  count: number,
  whole: Buffer,
  length: (rank: number) => number,
  others: ReadonlyMap<number, string>,
): Buffer {
  const pieces: Buffer[] = [];
  let [from, at] = [0, 0];
  for (let rank = 0; rank < count; rank += 1) {
    const other = others.get(rank);
    const end = at + length(rank);
    if (other !== undefined) {
      pieces.push(whole.subarray(from, at), Buffer.from(other));
      from = end;
    }
    at = end;
  }
  pieces.push(whole.subarray(from, at));
  return Buffer.concat(pieces);
}

/** Where the pieces of these ranks lie; those that follow each other are one stretch. */
export function stretches(
  length: (rank: number) => number,
  ranks: readonly number[],
): { readonly from: number; to: number }[] {
  const found: { readonly from: number; to: number }[] = [];
  let [next, at, isOpen] = [0, 0, false];
  for (const rank of ranks) {
    isOpen = isOpen && rank === next;
    for (; next < rank; next += 1) at += length(next);
    const from = at;
    at += length(rank);
    next = rank + 1;
    const last = found.at(-1);
    if (isOpen && last !== undefined) last.to = at;
    else found.push({ from, to: at });
    isOpen = true;
  }
  return found;
}
