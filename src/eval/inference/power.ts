/** What an experiment of a given precision could have found. Pure numbers. */
import { studentQuantile } from './distribution.ts';
import type { Uncertainty } from './spread.ts';

/**
 * The smallest true difference that a two-sided test at 5 % finds with a probability of 80 %, given
 * the standard error; null where nothing differed, so that no error can be estimated.
 */
export function minimumDetectable(
  { standardError, degrees }: Uncertainty,
  { level = 0.05, power = 0.8 } = {},
): number | null {
  if (standardError === 0) return null;
  const quantiles = studentQuantile(1 - level / 2, degrees) + studentQuantile(power, degrees);
  return standardError * quantiles;
}
