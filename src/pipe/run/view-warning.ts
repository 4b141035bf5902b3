/**
 * What is said of views that were not as they were left.  looks at nothing.
 */
import { relative } from 'node:path';
import type { Event } from '../event.ts';

export type Tampering = 'changed by hand' | 'deleted' | 'put there by someone else';

/** So many views are named. */
const MOST_NAMED = 3;

/** Of one view at least; `root` is the project's folder. */
export function viewWarning(
  paths: readonly string[],
  how: Tampering,
  root: string,
): Event & { readonly type: 'warning' } {
  const named = paths.slice(0, MOST_NAMED).map((path) => relative(root, path));
  const more = paths.length - named.length;
  const shown = more > 0 ? [...named, `${more} more`] : named;
  return {
    type: 'warning',
    message: `${shown.join(', ')}: ${how}; restored from the store`,
    hint: 'Artifacts are views of what the tasks made: edit a copy elsewhere.',
  };
}
