/**
 * SHA-256 of a file without giving way to anything else: for the rare look that can't wait. Knows no
 * store.
 */
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import type { Digest } from '../digest.ts';

const PIECE_BYTES = 64 * 1024;

export function digestNow(path: string): Digest {
  const sha = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(PIECE_BYTES);
  const file = openSync(path, 'r');
  try {
    for (let count = -1; count !== 0; ) {
      count = readSync(file, buffer, 0, PIECE_BYTES, null);
      sha.update(buffer.subarray(0, count));
    }
    return sha.digest('hex') as Digest;
  } finally {
    closeSync(file);
  }
}
