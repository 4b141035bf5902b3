/** Finds the real data that lie beside the repository, where there are any. Never part of it. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = process.env.PIPE_DATA ?? resolve(import.meta.dirname, '../../../shared/data');

/** The absolute path, or undefined (with a message) where the file is absent. */
export function sharedData(...parts: string[]): string | undefined {
  const path = join(root, ...parts);
  if (existsSync(path)) return path;
  console.info(`skipped: no ${parts.join('/')} in PIPE_DATA or ../shared/data`);
  return undefined;
}
