/** Intervals and p-values of means whose standard error has a t distribution. Pure numbers. */
import { studentQuantile, studentTwoSided } from './distribution.ts';
import type { Uncertainty } from './spread.ts';

export function studentInterval(
  { mean, standardError, degrees }: Uncertainty,
  level = 0.95,
): { low: number; high: number } {
  const half = standardError === 0 ? 0 : standardError * studentQuantile((1 + level) / 2, degrees);
  return { low: mean - half, high: mean + half };
}

/** Two-sided p-value of the mean against 0; 1 where nothing differed. */
export function studentTest({ mean, standardError, degrees }: Uncertainty): number {
  if (standardError === 0) return mean === 0 ? 1 : 0;
  return studentTwoSided(mean / standardError, degrees);
}
