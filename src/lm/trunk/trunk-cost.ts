/**
 * Whether storing a trunk pays, by arithmetic: from sizes and stated speeds, never from a clock, since
 * what is stored must not depend on how busy a machine was. Knows no file.
 */

export interface TrunkCost {
  /** Of all texts together. */
  readonly tokens: number;
  readonly hidden: number;
  /** Parameters of the blocks below the states, without the embedding. */
  readonly parameters: number;
  /** Uses after the first: visits of a text over epochs, candidates and seeds, less one. */
  readonly reuses: number;
  readonly bytesPerValue: number;
  /** Stated speeds of the machine: multiplications and additions, and bytes of its disk, a second. */
  readonly flops: number;
  readonly diskBytes: number;
}

export interface TrunkVerdict {
  readonly pays: boolean;
  readonly sizeBytes: number;
  /** Seconds to compute all states once, and to write or read them once. */
  readonly forward: number;
  readonly transfer: number;
}

/** Pays where `reuses × forward > write + reuses × read` and the size is within the limit. */
export function judgeTrunk(cost: TrunkCost, limitBytes: number): TrunkVerdict {
  const sizeBytes = cost.tokens * cost.hidden * cost.bytesPerValue;
  const forward = (2 * cost.parameters * cost.tokens) / cost.flops;
  const transfer = sizeBytes / cost.diskBytes;
  // The first computation is owed either way.
  const stored = transfer + cost.reuses * transfer;
  return {
    pays: sizeBytes <= limitBytes && cost.reuses * forward > stored,
    sizeBytes,
    forward,
    transfer,
  };
}
