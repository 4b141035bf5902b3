/**
 * Which weights a trunk was computed with: `weights.json` in its folder, so that nobody trains a memory
 * on another model's states. Only what decides the states counts, tensor by tensor: a changed head or
 * top block, or the same weights in another file, changes nothing. Knows no stage.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readModelConfig } from '../config.ts';
import { LLAMA_EMBEDDING } from '../llama.ts';
import type { ModelConfig } from '../model-config.ts';
import { NEOX_EMBEDDING } from '../neox.ts';
import { openModelWeights } from '../weights/open.ts';
import type { ByteStore } from './memo-states.ts';

/** A digest of everything that the states entering block `from` depend on, beside the token ids. */
function digestBelow(model: string, from: number): string {
  const source = openModelWeights(model);
  const hash = createHash('sha256').update(
    JSON.stringify(shapeBelow(readModelConfig(model), from)),
  );
  for (const name of namesBelow(source.names(), from)) {
    const { buffer, byteOffset, byteLength } = source.read(name);
    hash.update(`${name} ${source.shape(name)}\n`);
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}

/** The config without what lies above the states, or before the token ids. */
function shapeBelow(config: ModelConfig, from: number): object {
  const { vocab: _words, tiedHead: _tied, layers: _above, maxPositions: _limit, ...rest } = config;
  return { from, ...rest };
}

/** Tensors of the embedding and of the blocks below `from`, by name in code-point order. */
function namesBelow(names: readonly string[], from: number): string[] {
  return names.filter((name) => isBelow(name, from)).sort();
}

function isBelow(name: string, from: number): boolean {
  if (name === NEOX_EMBEDDING || name === LLAMA_EMBEDDING) return true;
  const block = /\.layers\.(\d+)\./.exec(name)?.[1];
  // Older checkpoints keep masks and frequencies among the weights, which nobody reads.
  const isWeight = /\.(weight|bias)$/.test(name) && !/\.attention\.(masked_)?bias$/.test(name);
  return block !== undefined && Number(block) < from && isWeight;
}

/** The same from the digests of the model's files, if it is known for them: reading it all takes time. */
export function knownDigestBelow(
  store: ByteStore,
  files: readonly { readonly digest: string }[],
  { model, from }: { readonly model: string; readonly from: number },
): string {
  const key = `below ${from}: ${files.map(({ digest }) => digest).join(' ')}`;
  const known = store.get(key);
  if (known) return Buffer.from(known).toString();
  const digest = digestBelow(model, from);
  store.set(key, Buffer.from(digest));
  return digest;
}

const FILE = 'weights.json';

export function writeOrigin(folder: string, below: string): void {
  writeFileSync(join(folder, FILE), `${JSON.stringify({ below }, null, 2)}\n`);
}

/** Whether the trunk in `folder` was computed with the weights of this digest. */
export function isOrigin(folder: string, below: string): boolean {
  const written: unknown = JSON.parse(readFileSync(join(folder, FILE), 'utf8'));
  return (written as { below?: unknown } | null)?.below === below;
}
