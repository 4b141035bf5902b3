/**
 * Which transformer blocks carry a memory. Knows no weights.
 */

/** Blocks `from` (included) to `to` (excluded), counted from 0. */
export interface BlockRange {
  readonly from: number;
  readonly to: number;
}

/** A share of the depth, in percent, as integers so that 0.7 · 40 is not 27.999…. */
export interface Location {
  readonly fromPercent: number;
  readonly toPercent: number;
}

/** The research note's place: 70–80 % of the depth. */
export const noteLocation: Location = { fromPercent: 70, toPercent: 80 };

/** [⌊0.7 L⌋, ⌈0.8 L⌉) of L blocks; never empty, since ⌈0.8 L⌉ > ⌊0.7 L⌋ for L ≥ 1. Throws a RangeError on an empty or outlying range. */
export function memoryBlocks(layers: number, location: Location = noteLocation): BlockRange {
  const from = Math.floor((layers * location.fromPercent) / 100);
  const to = Math.ceil((layers * location.toPercent) / 100);
  if (location.fromPercent >= location.toPercent || !(from >= 0 && from < to && to <= layers)) {
    throw new RangeError(
      `no block of ${layers} lies at ${location.fromPercent}–${location.toPercent} % of the depth`,
    );
  }
  return { from, to };
}

/** The block numbers of a range, in order. */
export function blockNumbers(range: BlockRange): number[] {
  return Array.from({ length: range.to - range.from }, (_, index) => range.from + index);
}
