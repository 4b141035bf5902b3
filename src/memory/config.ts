/**
 * What shapes a memory, and the research note's choices. Types and constants only.
 */

export interface MemoryConfig {
  /** Width of the model's hidden states. */
  readonly width: number;
  /** Width between `up` and `down`. */
  readonly hidden: number;
  /** 0 makes an untrained memory an identity. */
  readonly gateInit: number;
  /** Whether the update is normalised before the gate. */
  readonly norm: boolean;
  readonly normEps: number;
}

export const noteMemory: Omit<MemoryConfig, 'width'> = {
  hidden: 128,
  gateInit: 1,
  norm: true,
  normEps: 1e-5,
};

/** Which parameters of a memory weight decay shrinks; see `decays`. */
export type DecayRule = 'all' | 'no-norm-gate' | 'weights' | 'none';

/**
 * Whether a layer's parameter (`up.weight`, `norm.bias`, `gate`, …) decays. With the norm, the
 * output does not depend on the scale of `down`, so that decay there is void: under `all`, only
 * the decay of `norm` and `gate` limits the update's size.
 */
export function decays(parameter: string, rule: DecayRule): boolean {
  if (rule === 'all' || rule === 'none') return rule === 'all';
  if (parameter === 'gate' || parameter.startsWith('norm.')) return false;
  return rule === 'no-norm-gate' || parameter.endsWith('.weight');
}
