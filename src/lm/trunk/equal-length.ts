/** Grouping texts for batches without padding. Knows no tensor. */

/** Batches of at most `batch` items of one length, shortest first, otherwise in the given order. */
export function equalLengthBatches<T>(
  items: readonly T[],
  lengthOf: (item: T) => number,
  batch: number,
): T[][] {
  const byLength = new Map<number, T[]>();
  for (const item of items) {
    const length = lengthOf(item);
    const group = byLength.get(length);
    if (group) group.push(item);
    else byLength.set(length, [item]);
  }
  const lengths = [...byLength.keys()].sort((a, b) => a - b);
  return lengths.flatMap((length) => split(byLength.get(length)!, batch));
}

function split<T>(items: readonly T[], batch: number): T[][] {
  const count = Math.ceil(items.length / batch);
  return Array.from({ length: count }, (_, index) =>
    items.slice(index * batch, (index + 1) * batch),
  );
}
