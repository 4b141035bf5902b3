/** Files that live as long as one test file's run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A folder that is removed when the tests of the calling file are done. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pipe-fever-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes `content` to a file of this name and returns its path. */
export function writeTemp(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}
