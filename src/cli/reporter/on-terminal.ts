/**
 * Where a run says what it says: on a terminal, in lines, or to a program. Loaded on every start.
 */
import { isTerminal } from '../say.ts';

/** Whether a person sits before it who can be shown how it goes. */
export function isLive(): boolean {
  return process.env.CI === undefined && process.env.TERM !== 'dumb' && isTerminal(2);
}

export function isColoured(): boolean {
  return process.env.NO_COLOR === undefined;
}
