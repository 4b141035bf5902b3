/**
 * Which results go: those that are cheapest to lose for the room that they take. Pure: knows no file.
 *
 * The value of a result is what it would cost to rebuild times the chance that it is asked for
 * again; it is weighed against the bytes that its removal frees. A blob that several results name is
 * freed by the last of them, so each counts its share.
 */
import type { Digest, Key } from '../digest.ts';
import { chanceOfReuse, type Use } from './usage.ts';

export interface Candidate {
  readonly key: Key;
  readonly costMs: number;
  readonly use: Use;
  readonly blobs: ReadonlySet<Digest>;
  /** Of the trace itself. */
  readonly bytes: number;
  /** It cannot serve as a hit: a blob of it is lost. */
  readonly isBroken: boolean;
  /** Pinned, or what a plan or a running build uses. */
  readonly isKept: boolean;
}

export type EvictionReason = 'broken' | 'old' | 'room';

export interface Eviction {
  readonly key: Key;
  readonly why: EvictionReason;
  readonly chance: number;
  /** Its share of the blobs when it was chosen. */
  readonly shareBytes: number;
}

export interface Limits {
  readonly nowMs: number;
  /** Results that nobody used for longer go. */
  readonly olderThanMs?: number;
  /** For blobs and traces together. */
  readonly maxBytes?: number;
}

/** In the order in which they should go. */
export function chooseEvictions(
  candidates: readonly Candidate[],
  sizeOf: (digest: Digest) => number,
  limits: Limits,
): Eviction[] {
  const held = new Holdings(candidates, sizeOf);
  const evictions: Eviction[] = [];
  const evict = (candidate: Candidate, why: EvictionReason) => {
    const chance = chanceOfReuse(candidate.use, limits.nowMs);
    evictions.push({ key: candidate.key, why, chance, shareBytes: held.share(candidate) });
    held.remove(candidate);
  };
  const { nowMs, olderThanMs = Number.POSITIVE_INFINITY, maxBytes } = limits;
  for (const candidate of candidates) {
    if (candidate.isBroken) evict(candidate, 'broken');
    else if (!candidate.isKept && nowMs - candidate.use.lastMs > olderThanMs)
      evict(candidate, 'old');
  }
  let left = candidates.filter((each) => held.has(each) && !each.isKept);
  while (maxBytes !== undefined && held.bytes > maxBytes && left.length > 0) {
    const ranked = byValue(left, held, nowMs);
    // Shares move when others go: choose a few, then weigh again.
    for (const candidate of ranked.slice(0, Math.ceil(ranked.length / 50))) {
      if (held.bytes > maxBytes) evict(candidate, 'room');
    }
    left = left.filter((each) => held.has(each));
  }
  return evictions;
}

function byValue(candidates: readonly Candidate[], held: Holdings, nowMs: number): Candidate[] {
  const valued = candidates.map((candidate) => {
    const worthMs = candidate.costMs * chanceOfReuse(candidate.use, nowMs);
    return { candidate, value: worthMs / Math.max(1, held.share(candidate)) };
  });
  // Between equals the key decides, so that the answer is the same everywhere.
  valued.sort((a, b) => a.value - b.value || (a.candidate.key < b.candidate.key ? -1 : 1));
  return valued.map(({ candidate }) => candidate);
}

/** Which results are still there, and how many of them name each blob. */
class Holdings {
  bytes = 0;
  readonly #sizeOf: (digest: Digest) => number;
  readonly #holders = new Map<Digest, number>();
  readonly #keys = new Set<Key>();

  constructor(candidates: readonly Candidate[], sizeOf: (digest: Digest) => number) {
    this.#sizeOf = sizeOf;
    for (const candidate of candidates) this.#add(candidate);
  }

  has({ key }: Candidate): boolean {
    return this.#keys.has(key);
  }

  share({ blobs, bytes }: Candidate): number {
    let sum = bytes;
    for (const digest of blobs) sum += this.#sizeOf(digest) / (this.#holders.get(digest) ?? 1);
    return Math.round(sum);
  }

  remove(candidate: Candidate): void {
    this.#keys.delete(candidate.key);
    this.bytes -= candidate.bytes;
    for (const digest of candidate.blobs) {
      const holders = (this.#holders.get(digest) ?? 1) - 1;
      this.#holders.set(digest, holders);
      if (holders === 0) this.bytes -= this.#sizeOf(digest);
    }
  }

  #add(candidate: Candidate): void {
    this.#keys.add(candidate.key);
    this.bytes += candidate.bytes;
    for (const digest of candidate.blobs) {
      const holders = this.#holders.get(digest) ?? 0;
      if (holders === 0) this.bytes += this.#sizeOf(digest);
      this.#holders.set(digest, holders + 1);
    }
  }
}
