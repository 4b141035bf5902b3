/**
 * The normal and Student's t distribution: probabilities and quantiles. Pure numbers.
 *
 * The t distribution comes from the regularised incomplete beta function by Lentz's continued
 * fraction (Press et al., Numerical Recipes, 6.4); quantiles by bisection on the probability, to the
 * last digits of a double.
 */

/** P(Z ≤ z) for a standard normal Z, by way of t with very many degrees of freedom's limit, erfc. */
export function normalProbability(z: number): number {
  return 0.5 * upperError(-z / Math.SQRT2);
}

/** The z with P(Z ≤ z) = `share`. */
export function normalQuantile(share: number): number {
  return solve(normalProbability, share);
}

/** P(T ≤ t) for Student's t with `degrees` degrees of freedom, which need not be whole. */
export function studentProbability(t: number, degrees: number): number {
  const square = t * t;
  // Near 0 the tail is flat in its argument: there the middle part has the digits.
  if (square < degrees) {
    const middle = 0.5 * incompleteBeta(square / (degrees + square), 0.5, degrees / 2);
    return t < 0 ? 0.5 - middle : 0.5 + middle;
  }
  const tail = 0.5 * incompleteBeta(degrees / (degrees + square), degrees / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

/** The t with P(T ≤ t) = `share`. */
export function studentQuantile(share: number, degrees: number): number {
  return solve((t) => studentProbability(t, degrees), share);
}

/** Two-sided p-value of |T| ≥ |t|. */
export function studentTwoSided(t: number, degrees: number): number {
  return incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
}

function solve(probability: (x: number) => number, share: number): number {
  if (share <= 0) return Number.NEGATIVE_INFINITY;
  if (share >= 1) return Number.POSITIVE_INFINITY;
  let high = 1;
  while (probability(high) < share) high *= 2;
  let low = -1;
  while (probability(low) > share) low *= 2;
  for (let step = 0; step < 200 && low < high; step++) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (probability(middle) < share) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** erfc(x) = 1 − P(1/2, x²) for x ≥ 0, by the incomplete gamma function's series or fraction. */
function upperError(x: number): number {
  if (x < 0) return 2 - upperError(-x);
  if (x === 0) return 1;
  const square = x * x;
  const front = Math.exp(-square) * Math.sqrt(square / Math.PI);
  if (square < 1.5) return 1 - front * gammaSeries(square);
  return front * gammaFraction(square);
}

/** Σ xⁿ · Γ(½) / Γ(½ + 1 + n), times Γ(½)'s own normalisation, for a = ½. */
function gammaSeries(x: number): number {
  let term = 2;
  let sum = term;
  for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
    term *= x / (0.5 + n);
    sum += term;
  }
  return sum;
}

function gammaFraction(x: number): number {
  const tiny = 1e-300;
  let b = x + 0.5;
  let c = 1 / tiny;
  let d = 1 / b;
  let result = d;
  for (let n = 1; n < 500; n++) {
    const a = -n * (n - 0.5);
    b += 2;
    d = 1 / nonZero(a * d + b, tiny);
    c = nonZero(b + a / c, tiny);
    result *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return result;
}

/** I_x(a, b). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(
    logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x),
  );
  return x < (a + 1) / (a + b + 2)
    ? (front * betaFraction(x, a, b)) / a
    : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny);
  let result = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    let factor = 1;
    for (const step of [even, odd]) {
      d = 1 / nonZero(1 + step * d, tiny);
      c = nonZero(1 + step / c, tiny);
      factor = c * d;
      result *= factor;
    }
    if (Math.abs(factor - 1) < 1e-16) break;
  }
  return result;
}

function nonZero(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7,
];

/** log Γ(x) for x > 0 (Lanczos, g = 7, n = 9). */
function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const shifted = x - 1;
  const sum = LANCZOS.reduce((total, term, at) =>
    at === 0 ? term : total + term / (shifted + at),
  );
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(sum);
}
