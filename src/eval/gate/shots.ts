/**
 * The shot gate: no prompt may answer, among its shots, the claim that it asks; by text and not by id.
 */
import { bareText } from '../../fever/claim.ts';
import type { Prompt } from '../prompt.ts';
import { GateError, type GateRecord } from './gate.ts';

export interface AnsweredShot {
  readonly claim: string;
  readonly letter: string;
}

const SHOT = /^Claim: (.*)\nA:\s*\(([a-z])\)$/gmu;

/** The answered claims of a prompt, read back from its text. */
export function answeredShots(prompt: string): AnsweredShot[] {
  return Array.from(prompt.matchAll(SHOT), ([, claim, letter]) => ({
    claim: claim!,
    letter: letter!,
  }));
}

export function shotGate(prompts: readonly Prompt[]): GateRecord {
  let checked = 0;
  for (const { claimId, claim, prompt } of prompts) {
    const asked = bareText(claim);
    const shots = answeredShots(prompt);
    checked += shots.length;
    if (shots.every((shot) => bareText(shot.claim) !== asked)) continue;
    throw new GateError(
      'shot gate',
      `claim ${claimId}, ${JSON.stringify(claim)}, stands answered among its own shots`,
      'templates leaves such a shot out: see who wrote this prompt',
    );
  }
  return { name: 'shot gate', checked, what: 'shots' };
}
