/** Which files of a repository make a model that can be loaded here. Pure. */
import { HubError } from './hub-error.ts';

/** A file as the Hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly sizeBytes: number;
  /** What the content must have: SHA-256 of a large file, git's SHA-1 of a blob otherwise. */
  readonly digest: { readonly kind: 'sha256' | 'git'; readonly hex: string };
}

const DOCUMENTS = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];
const REQUIRED = ['config.json', 'tokenizer.json'];
const SINGLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * The named files; without names the documents and weights that a model's folder needs, shards where
 * there is an index. @throws HubError where something is missing
 */
export function wantedFiles(
  files: readonly HubFile[],
  named: readonly string[],
  model: string,
): HubFile[] {
  const find = (path: string) => files.find((file) => file.path === path);
  if (named.length > 0) {
    return named.map((path) => {
      const file = find(path);
      if (file) return file;
      throw new HubError(`${model} has no file ${path}`, `it has ${listed(files)}`);
    });
  }
  const missing = REQUIRED.filter((path) => find(path) === undefined);
  if (missing.length > 0) {
    const hint = `it has ${listed(files)}; name one GGUF file with --only, if there is one`;
    throw new HubError(`${model} has no ${missing.join(' and no ')}`, hint);
  }
  const documents = files.filter(({ path }) => DOCUMENTS.includes(path));
  return [...documents, ...weightFiles(files, model)];
}

function weightFiles(files: readonly HubFile[], model: string): HubFile[] {
  const sharded = files.some(({ path }) => path === INDEX);
  const shard = /^model-\d+-of-\d+\.safetensors$/;
  const weights = files.filter(({ path }) =>
    sharded ? path === INDEX || shard.test(path) : path === SINGLE,
  );
  if (weights.length > 0) return weights;
  throw new HubError(`${model} has no ${SINGLE} and no ${INDEX}`, `it has ${listed(files)}`);
}

const MOST_LISTED = 12;

function listed(files: readonly HubFile[]): string {
  const shown = files.slice(0, MOST_LISTED).map(({ path }) => path);
  const more = files.length - shown.length;
  return `${shown.join(', ') || 'no file'}${more > 0 ? ` and ${more} more` : ''}`;
}
