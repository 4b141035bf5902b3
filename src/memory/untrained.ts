/**
 * Memories that no training made, as controls: one with random values as training would begin with,
 * and one whose gate is closed, which must be an identity. Knows no candidate but these two.
 */
import { noteMemory } from './adapter/config.ts';
import { initialAdapter } from './adapter/memory.ts';
import { memoryBlocks } from './blocks.ts';
import type { Memory } from './memory.ts';

export type UntrainedName = 'random' | 'gate-0';

/** In the note's shape and place; by name. */
export function untrainedMemories(
  names: readonly UntrainedName[],
  { layers, hidden }: { readonly layers: number; readonly hidden: number },
  seed: number,
): Map<string, Memory> {
  const blocks = memoryBlocks(layers);
  return new Map(
    names.map((name) => {
      const gateInit = name === 'random' ? noteMemory.gateInit : 0;
      const config = { ...noteMemory, gateInit, width: hidden };
      return [name, initialAdapter(config, blocks, seed)];
    }),
  );
}
