/**
 * Files whose folder is probably there: to look first takes longer than to try. Knows no file.
 */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** `make` puts something at `path`; where the folder for it is missing, it is made, and `make` called again. */
export function inFolder<Made>(path: string, make: () => Made): Made {
  try {
    return make();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    return make();
  }
}
