/**
 * The learning rate over the steps of a training. Knows no optimizer.
 */
import assert from 'node:assert';

export interface Schedule {
  /** After the warm-up: down a cosine to 0 at the end, or as high as it is. Default: cosine. */
  readonly shape?: 'cosine' | 'constant';
  /** The highest learning rate. */
  readonly peak: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

/**
 * Linear warm-up to `peak`, then half a cosine down to 0 at `totalSteps`, or `peak` all along; `step`
 * counts from 0. The constant rate does not depend on `totalSteps`.
 */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { peak, warmupSteps, totalSteps } = schedule;
  assert(step >= 0 && step < totalSteps, `step ${step} lies outside of 0…${totalSteps - 1}`);
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  if (schedule.shape === 'constant') return peak;
  const done = (step - warmupSteps) / (totalSteps - warmupSteps);
  return 0.5 * peak * (1 + Math.cos(Math.PI * done));
}
