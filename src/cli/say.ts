/**
 * Writes to stdout and stderr without Node's streams, which take longer to make than most runs. Knows
 * no words.
 */
import { fstatSync, readlinkSync, writeSync } from 'node:fs';

/** All of it, also to a pipe that takes no more for now; a reader that has seen enough ends us. */
export function say(stream: 1 | 2, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      done += writeSync(stream, bytes, done);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EPIPE') process.exit(0);
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  }
}

export function isTerminal(stream: 1 | 2): boolean {
  if (!fstatSync(stream).isCharacterDevice()) return false;
  const name = deviceOf(stream);
  if (name === '/dev/null') return false;
  if (name.startsWith('/dev/pts/')) return true;
  return process.getBuiltinModule('node:tty').isatty(stream);
}

/** Empty where the system does not tell. Node's own way loads its network for the answer, which takes 4 ms. */
function deviceOf(stream: 1 | 2): string {
  try {
    return readlinkSync(`/proc/self/fd/${stream}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return '';
  }
}
