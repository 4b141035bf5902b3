/**
 * Tests of paired right-or-wrong answers: McNemar's exact test, and Holm's correction for having
 * asked several questions. Knows counts and p-values only.
 */

/** How two systems differ on the same questions. */
export interface Discordance {
  /** Questions that only the first system answers rightly. */
  readonly onlyFirst: number;
  /** Questions that only the second system answers rightly. */
  readonly onlySecond: number;
}

/** Counts the discordant pairs. @throws RangeError when the lists have different lengths. */
export function discordanceOf(first: readonly boolean[], second: readonly boolean[]): Discordance {
  if (first.length !== second.length) {
    throw new RangeError(`discordanceOf: ${first.length} answers against ${second.length}`);
  }
  let onlyFirst = 0;
  let onlySecond = 0;
  first.forEach((right, at) => {
    if (right && !second[at]) onlyFirst += 1;
    if (!right && second[at]) onlySecond += 1;
  });
  return { onlyFirst, onlySecond };
}

/**
 * Two-sided exact p-value: under the null each discordant pair is a fair coin's toss
 * (McNemar 1947, in the exact binomial form). 1 when no pair is discordant.
 */
export function mcnemarExact({ onlyFirst, onlySecond }: Discordance): number {
  const tosses = onlyFirst + onlySecond;
  const tail = binomialTail(Math.min(onlyFirst, onlySecond), tosses);
  return Math.min(1, 2 * tail);
}

/** P(X ≤ k) for X ~ Binomial(n, 1/2), its terms added smallest first in log space. */
function binomialTail(k: number, n: number): number {
  let logTerm = -n * Math.LN2; // log C(n, 0) / 2^n
  const logTerms = [logTerm];
  for (let i = 1; i <= k; i++) {
    logTerm += Math.log((n - i + 1) / i);
    logTerms.push(logTerm);
  }
  return logTerms.reduce((sum, term) => sum + Math.exp(term), 0);
}

/**
 * Holm's step-down adjusted p-values, in the order given (Holm 1979): reject those at most α and
 * the chance of any false rejection among them is at most α.
 */
export function holmAdjusted(pValues: readonly number[]): number[] {
  const order = pValues.map((_, at) => at).sort((a, b) => pValues[a]! - pValues[b]! || a - b);
  const adjusted = new Array<number>(pValues.length);
  let highest = 0;
  order.forEach((at, rank) => {
    highest = Math.max(highest, Math.min(1, pValues[at]! * (pValues.length - rank)));
    adjusted[at] = highest;
  });
  return adjusted;
}
