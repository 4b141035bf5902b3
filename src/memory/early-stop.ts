/** When a training has stopped getting better, and which epoch was its best. Knows no tensor. */

export interface EarlyStop {
  /** Stops after so many epochs without a better one; 0 never stops. */
  readonly patience: number;
  /** How much lower a mean loss must be to count as better. */
  readonly minDelta: number;
}

/** The last epoch whose mean loss was lower than the best before it by more than `minDelta`. */
export function bestEpoch(losses: readonly number[], { minDelta }: EarlyStop): number {
  let best = 0;
  losses.forEach((loss, epoch) => {
    if (loss < losses[best]! - minDelta) best = epoch;
  });
  return best;
}

/** Whether `patience` epochs have passed since the best. */
export function stalled(losses: readonly number[], rule: EarlyStop): boolean {
  if (rule.patience === 0 || losses.length === 0) return false;
  return losses.length - 1 - bestEpoch(losses, rule) >= rule.patience;
}
