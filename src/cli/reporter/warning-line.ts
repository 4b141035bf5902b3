/** A warning as a line for a person, and its hint as a second one. */
import type { Event } from '../../pipe/event.ts';
import { yellow } from './colours.ts';

type Warning = Event & { readonly type: 'warning' };

export function warningLine({ message, hint }: Warning): string {
  return `warning: ${message}${hintLine(hint)}\n`;
}

/** As a terminal shows it, coloured. */
export function warningOnTerminal({ message, hint }: Warning): string {
  return `${yellow('!')} ${message}${hintLine(hint)}\n`;
}

function hintLine(hint: string | undefined): string {
  return hint === undefined ? '' : `\n  hint: ${hint}`;
}
