/**
 * A line of FEVER's claim files. It knows the format and nothing of worlds.
 */
import type { Label } from '../world/statement.ts';

/** One sentence of a page, cited as evidence; `page` is an escaped title. */
export interface Citation {
  readonly page: string;
  readonly sentence: number;
}

export interface Claim {
  readonly id: number;
  readonly label: Label;
  readonly claim: string;
  /** Alternative sets of sentences, each of which decides the claim; none if nothing decides it. */
  readonly evidence: readonly (readonly Citation[])[];
}

/** Writes a claim as FEVER does; annotation and evidence ids follow from the claim's id. */
export function claimLine(claim: Claim): string {
  const verifiable = claim.label === 'NOT ENOUGH INFO' ? 'NOT VERIFIABLE' : 'VERIFIABLE';
  const { id, label, claim: text } = claim;
  return JSON.stringify({ id, verifiable, label, claim: text, evidence: evidence(claim) });
}

function evidence(claim: Claim): unknown[] {
  const annotation = claim.id * 8;
  if (claim.evidence.length === 0) return [[[annotation, null, null, null]]];
  return claim.evidence.map((set, i) =>
    set.map(({ page, sentence }) => [annotation + i, annotation + i + 5, page, sentence]),
  );
}
