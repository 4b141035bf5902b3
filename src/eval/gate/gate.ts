/**
 * A gate: something that makes every number void, so that an evaluation fails over it and does not
 * warn. Knows no particular one.
 */
import { DataError } from '../../fever/data-error.ts';

export type GateName =
  | 'effect gate'
  | 'letter gate'
  | 'leakage gate'
  | 'shot gate'
  | 'invalid gate'
  | 'identity gate';

/** A gate that was passed, and what it looked at. */
export interface GateRecord {
  readonly name: GateName;
  readonly checked: number;
  readonly what: string;
}

/** Fails the evaluation; the message begins with the gate's name. */
export class GateError extends DataError {
  constructor(name: GateName, message: string, hint: string) {
    super(`${name}: ${message}`, { hint });
  }
}

/** `"a", "b" and 3 more`. */
export function shown(names: readonly string[], most = 3): string {
  const first = names.slice(0, most).map((name) => JSON.stringify(name));
  const rest = names.length - first.length;
  return rest > 0 ? `${first.join(', ')} and ${rest} more` : first.join(', ');
}
