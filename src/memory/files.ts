/**
 * A memory as a folder: `memory.safetensors` (F32, linear weights in PyTorch's (out, in) order, named
 * `blocks.4.up.weight`) and `memory.json` (kind, blocks, config). Knows no training.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openWeights } from '../lm/weights/safetensors.ts';
import { writeSafetensors } from '../lm/weights/write-safetensors.ts';
import { type BlockRange, blockNumbers } from './blocks.ts';
import type { MemoryConfig } from './config.ts';
import { TrainingDivergedError } from './diverged.ts';
import { type LayerValues, layerShapes } from './layer.ts';
import { type Memory, memoryOf } from './memory.ts';

const kind = 'residual-mlp';

interface MemoryIndex {
  readonly kind: typeof kind;
  readonly blocks: BlockRange;
  readonly config: MemoryConfig;
}

/**
 * Writes the memory's present values into `folder`, byte for byte equal for equal values. Throws
 * TrainingDivergedError, and writes nothing, where a value is not finite: the last step may have
 * diverged after its own loss was fine.
 */
export async function saveMemory(memory: Memory, folder: string): Promise<void> {
  const values = await memory.values();
  requireFinite(values);
  mkdirSync(folder, { recursive: true });
  const tensors = [...values].flatMap(([block, layer]) =>
    [...layer].map(([name, { shape, data }]) => ({
      name: `blocks.${block}.${name}`,
      shape,
      data,
      dtype: 'F32' as const,
    })),
  );
  writeSafetensors(join(folder, 'memory.safetensors'), tensors);
  const index: MemoryIndex = { kind, blocks: memory.blocks, config: memory.config };
  writeFileSync(join(folder, 'memory.json'), `${JSON.stringify(index, null, 2)}\n`);
}

function requireFinite(values: ReadonlyMap<number, LayerValues>): void {
  for (const [block, layer] of values) {
    for (const [name, { data }] of layer) {
      if (data.every(Number.isFinite)) continue;
      throw new TrainingDivergedError(
        `${name} of block ${block} is not finite after the last step`,
      );
    }
  }
}

/** Puts a saved memory on the backend; the caller disposes of it. Throws an Error that names the file. */
export async function loadMemory(folder: string): Promise<Memory> {
  const { blocks, config } = readIndex(join(folder, 'memory.json'));
  const weights = openWeights(folder, 'memory.safetensors');
  const values = new Map<number, LayerValues>();
  for (const block of blockNumbers(blocks)) {
    const layer = new Map<string, { shape: number[]; data: Float32Array }>();
    for (const [name, shape] of layerShapes(config)) {
      layer.set(name, { shape, data: weights.read(`blocks.${block}.${name}`) });
    }
    values.set(block, layer);
  }
  return memoryOf(config, blocks, values);
}

function readIndex(file: string): MemoryIndex {
  const index = JSON.parse(readFileSync(file, 'utf8')) as MemoryIndex;
  if (index.kind !== kind) throw new Error(`${file}: unknown kind of memory "${index.kind}"`);
  return index;
}
