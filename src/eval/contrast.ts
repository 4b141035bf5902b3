/**
 * One candidate against another on the same questions: the difference, its interval, and the tests.
 * Knows predictions and clusters; not which comparisons belong together.
 */
import { type Answers, type Cell, requireSame, rightness, seedsOf } from './cell.ts';
import { minimumDetectable } from './inference/power.ts';
import { signFlipTest } from './inference/sign-flip.ts';
import { uncertaintyOf, type Worth, worthOf } from './inference/spread.ts';
import { studentInterval, studentTest } from './inference/student.ts';
import { averaged, meanOf, type Replicate, type Sample } from './inference/values.ts';
import { discordanceOf, mcnemarExact } from './significance.ts';

export interface Contrast extends Omit<Worth, 'icc'> {
  /** Questions; with all numbers of shots together, questions times numbers of shots. */
  readonly n: number;
  readonly seeds: readonly (number | null)[];
  readonly difference: number;
  /** Bounds of the 95 % interval; null where all questions are one cluster. */
  readonly low: number | null;
  readonly high: number | null;
  /** Answers that only the candidate has right, over all replicates. */
  readonly onlyCandidate: number;
  readonly onlyOther: number;
  /** Clustered sign flips; where there are several seeds, Student's t over pages and seeds. */
  readonly p: number;
  /** McNemar's exact test; null where a question is answered more than once. */
  readonly pMcNemar: number | null;
  readonly standardError: number | null;
  readonly minimumDetectable: number | null;
}

/** What is compared: the cells of a candidate, one a number of shots, and each one's opponent. */
export type Pairing = readonly { readonly own: Cell; readonly other: Cell }[];

export interface ContrastOptions {
  /** By question. */
  readonly clusters: Int32Array;
  readonly seed: number;
}

/** The candidate minus its opponent over all pairs together. @throws RangeError for other questions */
export function contrastOf(pairs: Pairing, { clusters, seed }: ContrastOptions): Contrast {
  const rights = pairs.map(rightsOf);
  const sample = sampleOf(rights, clusters);
  const uncertainty = uncertaintyOf(sample);
  const { onlyFirst, onlySecond } = discordant(rights);
  const { designEffect, effectiveN } = worthOf(sample);
  const seeded = sample.replicates.length > 1;
  return {
    n: sample.clusters.length,
    seeds: seedsOf(sample.replicates).seeds,
    difference: meanOf(averaged(sample)),
    ...(uncertainty === undefined ? { low: null, high: null } : studentInterval(uncertainty)),
    onlyCandidate: onlyFirst,
    onlyOther: onlySecond,
    p:
      seeded && uncertainty !== undefined
        ? studentTest(uncertainty)
        : signFlipTest(sample.clusters, averaged(sample), { seed }),
    pMcNemar: seeded || pairs.length > 1 ? null : mcnemarExact({ onlyFirst, onlySecond }),
    standardError: uncertainty?.standardError ?? null,
    designEffect,
    effectiveN,
    minimumDetectable: uncertainty === undefined ? null : minimumDetectable(uncertainty),
  };
}

interface Rights extends Replicate {
  readonly own: Float64Array;
  /** The opponent's, a mean where it has several replicates for this one. */
  readonly other: Float64Array;
}

/** By replicate of the candidate, both sides' right and wrong. */
function rightsOf({ own, other }: { own: Cell; other: Cell }): Rights[] {
  return own.replicates.map((replicate) => {
    const opponents = opponentsOf(replicate, other.replicates);
    for (const item of opponents) requireSame(replicate.predictions, item.predictions);
    const values = opponents.map(({ predictions }) => rightness(predictions));
    const sample = { clusters: new Int32Array(), replicates: opponents, values };
    const { seed, shotSeed } = replicate;
    return { seed, shotSeed, own: rightness(replicate.predictions), other: averaged(sample) };
  });
}

/** The replicate with the same seeds; else all with the same shots; else all. */
function opponentsOf(
  { seed, shotSeed }: Replicate,
  others: readonly Answers[],
): readonly Answers[] {
  const sameShots = others.filter((item) => item.shotSeed === shotSeed);
  const same = sameShots.filter((item) => item.seed === seed);
  if (same.length > 0) return same;
  return sameShots.length > 0 ? sameShots : others;
}

/** The pairs' questions one after another; a question's numbers of shots share its cluster. */
function sampleOf(rights: readonly Rights[][], clusters: Int32Array): Sample {
  const replicates = rights[0]!.map(({ seed, shotSeed }) => ({ seed, shotSeed }));
  const values = replicates.map(({ seed, shotSeed }) => {
    const parts = rights.map((own) => {
      const item = own.find((one) => one.seed === seed && one.shotSeed === shotSeed);
      if (item === undefined) throw new RangeError('the numbers of shots have other replicates');
      return item.own.map((value, at) => value - item.other[at]!);
    });
    return joined(parts);
  });
  return { clusters: Int32Array.from(rights.flatMap(() => [...clusters])), replicates, values };
}

function joined(parts: readonly Float64Array[]): Float64Array {
  return Float64Array.from(parts.flatMap((part) => [...part]));
}

/** An opponent that is right in a part of its replicates is right where that is most of them. */
function discordant(rights: readonly Rights[][]) {
  const all = rights.flat();
  const isRight = (value: number) => value > 0.5;
  return discordanceOf(
    all.flatMap(({ own }) => Array.from(own, isRight)),
    all.flatMap(({ other }) => Array.from(other, isRight)),
  );
}
