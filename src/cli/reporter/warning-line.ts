/** A warning as a line for a person, and its hint as a second one. */
import type { Event } from '../../pipe/event.ts';

export function warningLine({ message, hint }: Event & { readonly type: 'warning' }): string {
  return `warning: ${message}${hint === undefined ? '' : `\n  hint: ${hint}`}`;
}
