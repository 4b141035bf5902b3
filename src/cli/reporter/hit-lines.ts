/**
 * A hit as a terminal shows it, coloured: the same each time, so that it can be kept and said again.
 * Knows no event but this one.
 */
import type { Event } from '../../pipe/event.ts';
import { dim, green } from './colours.ts';

export function hitLines({ task, notes }: Event & { readonly type: 'taskHit' }): string {
  const said = notes.map((note) => `  ${dim(note)}\n`);
  return `${green('✔')} ${task} ${dim('hit')}\n${said.join('')}`;
}
