/**
 * The learning rate over the steps of a training. Knows no optimizer.
 */
import assert from 'node:assert';

export interface Schedule {
  /** The highest learning rate. */
  readonly peak: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
}

/** Linear warm-up to `peak`, then half a cosine down to 0 at `totalSteps`; `step` counts from 0. */
export function learningRateAt(step: number, schedule: Schedule): number {
  const { peak, warmupSteps, totalSteps } = schedule;
  assert(step >= 0 && step < totalSteps, `step ${step} lies outside of 0…${totalSteps - 1}`);
  if (step < warmupSteps) return (peak * (step + 1)) / warmupSteps;
  const done = (step - warmupSteps) / (totalSteps - warmupSteps);
  return 0.5 * peak * (1 + Math.cos(Math.PI * done));
}
