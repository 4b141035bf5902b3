/**
 * Where a blob or a trace lies among its like: one folder for each first byte, so that no folder grows
 * to a million entries. Loaded on every start; opens no file.
 */
import { sep } from 'node:path';

/** `ab/abcdef…` in the folder. */
export function shardOf(folder: string, name: string): string {
  return `${folder}${sep}${name.slice(0, 2)}${sep}${name}`;
}
