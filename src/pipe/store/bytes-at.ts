/**
 * What is only read to save work: a file that cannot be read is none. Loaded on every start.
 */
import { readFileSync } from 'node:fs';

export function bytesAt(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
