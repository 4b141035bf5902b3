/**
 * A trunk whose states were not stored: they are computed whenever they are asked for, with the blocks
 * below on the backend. Knows no stage.
 */
import { tidy } from '@tensorflow/tfjs-core';
import { embed, forwardBlocks, loadModel } from '../model.ts';
import type { Trunk } from './trunk.ts';

/** `trunk` with states; `close` frees the blocks. Throws ModelFileError. */
export async function computingTrunk(trunk: Trunk, modelFolder: string): Promise<Trunk> {
  const part = { from: 0, to: trunk.index.from, embedding: true, head: false };
  const model = await loadModel(modelFolder, part);
  return {
    ...trunk,
    readStates: async (text) => {
      const ids = Int32Array.from(trunk.texts[text]!.ids);
      const states = tidy(() =>
        forwardBlocks(model, embed(model, ids), { batch: 1, length: ids.length }),
      );
      const values = (await states.data()) as Float32Array;
      states.dispose();
      return values;
    },
    close: () => {
      model.dispose();
      trunk.close();
    },
  };
}
