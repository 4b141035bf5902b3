/**
 * Which weights a trunk was computed with: `weights.json` in its folder, so that nobody trains a memory
 * on another model's states. Knows no tensor.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface WeightFile {
  readonly name: string;
  readonly digest: string;
}

/** The files that decide the states, as `name digest`; coarser than need be, since files hold all blocks. */
export function originOf(files: readonly WeightFile[]): string[] {
  return files
    .filter(({ name }) => /safetensors|config\.json$|\.gguf$/.test(name))
    .map(({ name, digest }) => `${name} ${digest}`)
    .sort();
}

export function writeOrigin(folder: string, files: readonly WeightFile[]): void {
  writeFileSync(join(folder, 'weights.json'), `${JSON.stringify(originOf(files), null, 2)}\n`);
}

/** Whether the trunk in `folder` was computed with these files. */
export function isOrigin(folder: string, files: readonly WeightFile[]): boolean {
  const written: unknown = JSON.parse(readFileSync(join(folder, 'weights.json'), 'utf8'));
  return JSON.stringify(written) === JSON.stringify(originOf(files));
}
