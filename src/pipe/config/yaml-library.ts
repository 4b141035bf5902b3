/**
 * The YAML library, loaded at the first need: most pipeline files are plain, and only a complaint
 * needs to know where in them things stand. Knows no file.
 */
import { createRequire } from 'node:module';
import type * as Parts from './yaml-parts.ts';

type Library = typeof Parts;

let loaded: Library | undefined;

/** From the bundle, which is faster than from its package: call where the need is foreseen. */
export async function loadYaml(): Promise<void> {
  loaded ??= await import('./yaml-parts.ts');
}

export function yaml(): Library {
  loaded ??= createRequire(import.meta.filename)('yaml') as Library;
  return loaded;
}
