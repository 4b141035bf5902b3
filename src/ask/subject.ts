/**
 * The model that is asked: a folder or a GGUF file, with a memory in it or without. Knows no prompt.
 */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readModelConfig } from '../lm/config.ts';
import { type Adapted, loadModel } from '../lm/model.ts';
import { ModelFileError } from '../lm/model-file-error.ts';
import { isGguf, modelAmong } from '../lm/model-place.ts';
import { loadTokenizer, type Tokenizer } from '../lm/tokenizer.ts';
import { loadMemory } from '../memory/files.ts';

export interface Subject {
  readonly adapted: Adapted;
  readonly tokenizer: Tokenizer;
  dispose(): void;
}

/**
 * @param memory a memory's folder, or the `memory.safetensors` in it
 * @throws ModelFileError, MisfitError
 */
export async function openSubject(given: string, memory: string | undefined): Promise<Subject> {
  const place = placeOf(given);
  const tokenizer = loadTokenizer(place);
  const { layers } = readModelConfig(place);
  const model = await loadModel(place, { from: 0, to: layers, embedding: true, head: true });
  const loaded = memory === undefined ? undefined : await loadMemory(memoryFolder(memory));
  const asCame: Adapted = { model, adapters: new Map(), ownFrom: layers };
  return {
    adapted: loaded?.on(model) ?? asCame,
    tokenizer,
    dispose: () => {
      loaded?.dispose();
      model.dispose();
    },
  };
}

function placeOf(given: string): string {
  if (isGguf(given)) return given;
  const stat = statSync(given, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) {
    const what = stat === undefined ? 'does not exist' : 'is no folder and no .gguf file';
    throw new ModelFileError(what, given, 'give the folder of a model, or one .gguf file');
  }
  const files = readdirSync(given).map((name) => ({ name, path: join(given, name) }));
  return modelAmong(given, files);
}

function memoryFolder(memory: string): string {
  const folder = memory.endsWith('.safetensors') ? dirname(memory) : memory;
  if (statSync(join(folder, 'memory.json'), { throwIfNoEntry: false }) !== undefined) return folder;
  throw new ModelFileError(
    'holds no memory.json',
    folder,
    'a memory is the folder that train wrote: memory.json and memory.safetensors',
  );
}
