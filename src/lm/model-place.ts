/**
 * Where a model's files are: a Hugging Face folder, or one GGUF file. Everything in this folder that
 * takes a model's path takes either. Knows no content.
 */
import { ModelFileError } from './model-file-error.ts';

export function isGguf(model: string): boolean {
  return model.endsWith('.gguf');
}

/**
 * The model among given files: their folder, or the only GGUF file where there is no `config.json`.
 * @param names of the files in `folder`
 * @throws ModelFileError where several GGUF files leave it open
 */
export function modelAmong(
  folder: string,
  files: readonly { name: string; path: string }[],
): string {
  if (files.some(({ name }) => name === 'config.json')) return folder;
  const found = files.filter(({ name }) => isGguf(name));
  if (found.length > 1) {
    const names = found.map(({ name }) => name).join(', ');
    throw new ModelFileError(`holds several GGUF files: ${names}`, folder, 'name one of them');
  }
  return found[0]?.path ?? folder;
}
