/**
 * What the first look at the files saw, on its way from the start of the program to the command that
 * makes use of it.
 */
import type { Inspection } from '../pipe/run/settled.ts';

let seen: Inspection | undefined;

export function handOver(inspection: Inspection | undefined): void {
  seen = inspection;
}

/** Once: later it would be old. */
export function takeInspection(): Inspection | undefined {
  const inspection = seen;
  seen = undefined;
  return inspection;
}
