/** What is in a folder that may not be there yet. Knows nothing of what the names mean. */
import { readdirSync } from 'node:fs';
import { isAbsence } from './checked-file.ts';

/** None of a folder that does not exist. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}
