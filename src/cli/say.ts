/**
 * Writes to stdout and stderr without Node's streams, which take longer to make than most runs. Knows
 * no words.
 */
import { fstatSync, writeSync } from 'node:fs';

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
  // Loaded only for what may be one.
  return (
    fstatSync(stream).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(stream)
  );
}
