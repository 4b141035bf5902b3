/**
 * Answers with known rates and known correlation: pages of unequal sizes, each with a difficulty of
 * its own, asked of one system or of two. The statistics under test are given nothing else.
 */
import { normalQuantile } from '../../src/eval/inference/distribution.ts';
import { seededInteger } from '../../src/eval/random.ts';

export interface Shape {
  readonly pages: number;
  /** Mean number of questions a page; sizes are geometric, so that a few pages hold much. */
  readonly perPage: number;
  /** Intra-page correlation of right and wrong. */
  readonly icc: number;
}

/** Uniform in (0, 1). */
export type Uniform = () => number;

export function uniformOf(seed: number, name: string): Uniform {
  const draw = seededInteger(seed, name);
  return () => (draw(2 ** 32) + 0.5) / 2 ** 32;
}

/** The page of each question. */
export function drawPages({ pages, perPage }: Shape, uniform: Uniform): Int32Array {
  const list: number[] = [];
  for (let page = 0; page < pages; page++) {
    const size = 1 + Math.floor(Math.log(uniform()) / Math.log(1 - 1 / perPage));
    for (let at = 0; at < size; at++) list.push(page);
  }
  return Int32Array.from(list);
}

export const RATE = 0.6;

/**
 * Right (1) or wrong (0) by question: a page's rate is drawn from a beta distribution of mean `RATE`,
 * so that two questions of a page correlate by exactly `icc`.
 */
export function drawAnswers(pages: Int32Array, icc: number, uniform: Uniform): Float64Array {
  const rates = new Map<number, number>();
  return Float64Array.from(pages, (page) => {
    if (!rates.has(page)) rates.set(page, pageRate(icc, uniform));
    return uniform() < rates.get(page)! ? 1 : 0;
  });
}

/** A second system of the same rate: it copies half of the answers and has its own pages for the rest. */
export function drawRival(
  pages: Int32Array,
  first: Float64Array,
  { icc, uniform }: { icc: number; uniform: Uniform },
): Float64Array {
  const own = drawAnswers(pages, icc, uniform);
  return own.map((answer, at) => (uniform() < 0.5 ? first[at]! : answer));
}

function pageRate(icc: number, uniform: Uniform): number {
  if (icc === 0) return RATE;
  const weight = 1 / icc - 1;
  const a = drawGamma(RATE * weight, uniform);
  const b = drawGamma((1 - RATE) * weight, uniform);
  return a / (a + b);
}

/** Marsaglia and Tsang (2000), with the boost for shapes below 1. */
function drawGamma(shape: number, uniform: Uniform): number {
  if (shape < 1) return drawGamma(shape + 1, uniform) * uniform() ** (1 / shape);
  const d = shape - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normalOf(uniform);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v;
  }
}

function normalOf(uniform: Uniform): number {
  return Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

export interface SeedShape extends Shape {
  readonly seeds: number;
  /** Shares of the latent variance that a seed has, and that a seed has on a page. */
  readonly seedShare: number;
  readonly pageSeedShare: number;
}

/**
 * Answers of one system under several seeds, on a probit scale: page, seed, page × seed and question
 * each have their share of the latent variance, so that the rate over all of them is exactly `RATE`.
 */
export function drawSeedAnswers(
  pages: Int32Array,
  { icc, seeds, seedShare, pageSeedShare }: SeedShape,
  uniform: Uniform,
): Float64Array[] {
  const count = Math.max(...pages) + 1;
  const effects = (share: number, n: number) =>
    Float64Array.from({ length: n }, () => Math.sqrt(share) * normalOf(uniform));
  const rest = 1 - icc - seedShare - pageSeedShare;
  const page = effects(icc, count);
  const question = effects(rest / 2, pages.length);
  const threshold = -cut();
  return Array.from(effects(seedShare, seeds), (seed) => {
    const both = effects(pageSeedShare, count);
    const noise = effects(rest / 2, pages.length);
    return Float64Array.from(pages, (own, at) =>
      page[own]! + seed + both[own]! + question[at]! + noise[at]! > threshold ? 1 : 0,
    );
  });
}

let cached: number | undefined;

function cut(): number {
  cached ??= normalQuantile(RATE);
  return cached;
}
