/**
 * A hit as a terminal shows it, coloured: the same each time, so that it can be kept and said again.
 * Knows no event but this one.
 */
import type { Event } from '../../pipe/event.ts';

// Not styleText, which may look at stdout and leave the colours out.
const green = (text: string) => `\u001b[32m${text}\u001b[39m`;
const dim = (text: string) => `\u001b[2m${text}\u001b[22m`;

export function hitLines({ task, notes }: Event & { readonly type: 'taskHit' }): string {
  const said = notes.map((note) => `  ${dim(note)}\n`);
  return `${green('✔')} ${task} ${dim('hit')}\n${said.join('')}`;
}
