/**
 * Blocks of a model that doesn't fit: as many as fit stay on the backend, the others are loaded each
 * time they are needed. For passes without a gradient, whose blocks are done with once they have run.
 * Knows neither kind of block.
 */
import { keep } from '@tensorflow/tfjs-core';
import type { Block } from './block.ts';
import type { ParameterLoader } from './weights/parameters.ts';

export interface PagedBlocks {
  readonly blocks: ReadonlyMap<number, Block>;
  readonly dispose: () => void;
}

interface Loaded {
  readonly block: Block;
  readonly loader: ParameterLoader;
}

export interface Paging {
  readonly from: number;
  readonly to: number;
  /** Of one block. */
  readonly blockBytes: number;
  /** Of all blocks at once; there is always room for one. */
  readonly residentBytes: number;
  readonly load: (index: number) => Loaded;
}

/**
 * Passes go through the blocks in order, again and again. So where there is no room the block that was
 * used last makes it: it is the one that is needed last.
 */
export function pageBlocks({ from, to, blockBytes, residentBytes, load }: Paging): PagedBlocks {
  const room = Math.max(1, Math.floor(residentBytes / blockBytes));
  const resident = new Map<number, Loaded>();
  let latest: number | undefined;
  const fetch = (index: number): Block => {
    let loaded = resident.get(index);
    if (!loaded) {
      if (resident.size >= room) evict(latest ?? [...resident.keys()].at(-1)!);
      loaded = load(index);
      // It is loaded in the middle of a pass, and outlives it.
      for (const { tensor } of loaded.loader.parameters) keep(tensor);
      resident.set(index, loaded);
    }
    latest = index;
    return loaded.block;
  };
  const evict = (index: number): void => {
    resident.get(index)?.loader.dispose();
    resident.delete(index);
  };
  const blocks = new Map<number, Block>();
  for (let index = from; index < to; index++) {
    blocks.set(index, (h, call) => fetch(index)(h, call));
  }
  return { blocks, dispose: () => [...resident.keys()].forEach(evict) };
}
