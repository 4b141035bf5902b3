/**
 * Views that were removed, put back where everything else is as it was: each is a link to a blob which
 * bears the stamp that the view had. Knows no task and warns nobody.
 */
import { existsSync, linkSync, mkdirSync } from 'node:fs';
import { sep } from 'node:path';
import type { Digest } from '../digest.ts';
import { openLook } from '../store/quick-stat.ts';
import { shardOf } from '../store/shard.ts';
import type { Inspection } from './settled.ts';
import type { SettledPlan } from './settled-tasks.ts';

/**
 * The paths that it put back. Undefined where it takes more than links: then
 * some may be back, and the rest is for a build to mend and to complain of.
 */
export function putBack({ file, changed }: Inspection, plan: SettledPlan): string[] | undefined {
  const digests = plan.blobsOf(changed);
  if (digests === undefined) return undefined;
  const blobs = digests.map((digest: Digest) => shardOf(file.head.blobs, digest));
  const { at, found } = openLook(process.execPath);
  const isWhole = (entry: number, blob: string) =>
    at(blob, true) &&
    found[0] === file.stamps[entry * 4] &&
    found[1] === file.stamps[entry * 4 + 1] &&
    found[3] === file.stamps[entry * 4 + 3];
  if (!changed.every((entry, index) => isWhole(entry, blobs[index] as string))) return undefined;
  const paths = changed.map((entry) => file.paths[entry] as string);
  return paths.every((path, index) => linked(blobs[index] as string, path)) ? paths : undefined;
}

/** False where something lies there, or no link can be: the long way says what is in the way. */
function linked(blob: string, path: string): boolean {
  try {
    const folder = path.slice(0, path.lastIndexOf(sep));
    if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
    linkSync(blob, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false;
  }
}
