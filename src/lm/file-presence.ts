/**
 * Whether an optional file is there. A stage's process may only read what it declared; asking for
 * anything else is refused rather than answered, and for a stage a file it was not given is absent.
 */
import { statSync } from 'node:fs';

export function isPresent(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** Whether a failed read says that there is no such file for this process. */
export function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ERR_ACCESS_DENIED';
}
