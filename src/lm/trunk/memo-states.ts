/**
 * A cache of single texts' states over a byte store: an edited page costs one forward pass and not
 * all of them. Knows no engine; its store has the shape of one.
 */
import { createHash } from 'node:crypto';
import type { TrunkText } from './trunk.ts';
import type { StateCache } from './write-trunk.ts';

export interface ByteStore {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
}

/** `below` names the weights that the states come from, and the block that they enter. */
export function memoStates(store: ByteStore, below: string): StateCache {
  const keyOf = (text: TrunkText): string =>
    createHash('sha256').update(below).update(Int32Array.from(text.ids)).digest('hex');
  return {
    get: (text) => {
      const bytes = store.get(keyOf(text));
      // A copy, because floats need an aligned start.
      return bytes && new Float32Array(Uint8Array.from(bytes).buffer);
    },
    set: (text, { buffer, byteOffset, byteLength }) =>
      store.set(keyOf(text), new Uint8Array(buffer, byteOffset, byteLength)),
  };
}
