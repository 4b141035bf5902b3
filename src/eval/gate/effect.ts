/**
 * The effect gate: a memory that changes nothing was not applied, and its equal scores would be read
 * as a finding. The other way round, a control with its gate at 0 must change nothing.
 */
import { type Effect, largest } from '../effect.ts';
import { GateError, type GateRecord, shown } from './gate.ts';

export interface EffectRule {
  /** Candidates that may change nothing. */
  readonly allowed: readonly string[];
  /** Candidates that must change nothing. */
  readonly closed: readonly string[];
}

export function effectGate(
  effects: readonly Effect[],
  { allowed, closed }: EffectRule,
): GateRecord {
  const open = effects.filter(({ candidate }) => !closed.includes(candidate));
  const judged = open.filter(({ candidate }) => !allowed.includes(candidate));
  refuse(
    judged.filter((effect) => largest(effect) === 0),
    'of any prompt',
  );
  // Generation has a path of its own, where a memory may be missing though likelihoods change.
  refuse(
    judged.filter(({ generatesOtherwise }) => generatesOtherwise === false),
    'that a generated answer begins with',
  );
  const leaking = effects.filter((item) => closed.includes(item.candidate) && largest(item) !== 0);
  if (leaking.length > 0) {
    throw new GateError(
      'effect gate',
      `the control ${namesOf(leaking)} changes logits though its gate is 0`,
      'a memory acts beside its gate: no result of any memory can be trusted',
    );
  }
  return { name: 'effect gate', checked: effects.length, what: 'memories and controls' };
}

function refuse(found: readonly Effect[], where: string): void {
  if (found.length === 0) return;
  throw new GateError(
    'effect gate',
    `the memory ${namesOf(found)} changes no logit ${where}: its scores would be pretrained's`,
    'see that training moved the gate away from 0; name a wanted void control in voidMemories',
  );
}

function namesOf(effects: readonly Effect[]): string {
  return shown([...new Set(effects.map(({ candidate }) => candidate))]);
}
