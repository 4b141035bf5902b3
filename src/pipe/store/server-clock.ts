/**
 * The time by the clock that stamps a folder's files. On a network folder that is the server's: two
 * machines whose own clocks differ by an hour still agree on how old a file is. Knows no lock.
 */
import { closeSync, fstatSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { temporaryName } from './atomic-file.ts';

/** How long one look at the server's clock serves; in between our own monotonic clock goes on. */
const SERVES_MS = 30_000;

const looks = new Map<string, { readonly serverMs: number; readonly atMs: number }>();

/** Milliseconds since the epoch, comparable to the mtimes of the folder's files. */
export function serverNow(folder: string): number {
  const nowMs = performance.now();
  const look = looks.get(folder);
  if (look !== undefined && nowMs - look.atMs < SERVES_MS) {
    return look.serverMs + (nowMs - look.atMs);
  }
  const serverMs = stampOfNewFile(folder);
  looks.set(folder, { serverMs, atMs: nowMs });
  return serverMs;
}

function stampOfNewFile(folder: string): number {
  mkdirSync(folder, { recursive: true });
  const probe = temporaryName(`${folder}/clock`);
  const file = openSync(probe, 'wx');
  try {
    return fstatSync(file).mtimeMs;
  } finally {
    closeSync(file);
    rmSync(probe, { force: true });
  }
}
