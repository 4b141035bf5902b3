/** Which parameters of a memory weight decay shrinks. Knows parameters by what they are, not by kind of memory. */

export type DecayRule = 'all' | 'no-norm-gate' | 'weights' | 'none';

/** What a parameter is to weight decay. */
export type ParameterRole = 'weight' | 'bias' | 'norm' | 'gate';

/**
 * Whether a parameter decays. With an adapter's norm, the output does not depend on the scale of
 * `down`, so that decay there is void: under `all`, only the decay of norm and gate limits its size.
 */
export function decays(role: ParameterRole, rule: DecayRule): boolean {
  if (rule === 'all' || rule === 'none') return rule === 'all';
  if (role === 'gate' || role === 'norm') return false;
  return rule === 'no-norm-gate' || role === 'weight';
}
