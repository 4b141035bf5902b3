/**
 * `ctx.checkpoint`: `checkpoints/<key>/state`, one state a key, replaced whole. Knows no stage. The
 * file begins with the SHA-256 of the rest; a state that does not match is no state.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Checkpoint } from '../stage.ts';
import { writeAtomic } from './atomic-file.ts';
import { isAbsence } from './checked-file.ts';

const CHECK_BYTES = 32;

/** `folder` is the key's own folder; it is removed when the task succeeds. */
export function openCheckpoint(folder: string): Checkpoint {
  const path = join(folder, 'state');
  return {
    load: () => loadState(path),
    save(state) {
      const whole = Buffer.concat([createHash('sha256').update(state).digest(), state]);
      writeAtomic(path, whole, { flush: true });
    },
  };
}

/** Undefined if there is none that is whole. */
export function loadState(path: string): Uint8Array | undefined {
  let whole: Buffer;
  try {
    whole = readFileSync(path);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  const state = whole.subarray(CHECK_BYTES);
  const check = createHash('sha256').update(state).digest();
  return check.equals(whole.subarray(0, CHECK_BYTES)) ? state : undefined;
}
