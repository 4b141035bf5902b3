/**
 * Paths as a person at the prompt would type them. Knows no project.
 */
import { relative } from 'node:path';

/** Relative to the working folder unless the absolute path is shorter. Either opens the file. */
export function shownPath(path: string): string {
  const short = relative('', path);
  return short !== '' && short.length <= path.length ? short : path;
}
