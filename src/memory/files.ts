/**
 * A memory as a folder: `memory.safetensors` (F32, linear weights in PyTorch's (out, in) order) and
 * `memory.json` (kind, blocks, parameters, config). Knows no training.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openWeights } from '../lm/weights/safetensors.ts';
import { writeSafetensors } from '../lm/weights/write-safetensors.ts';
import type { AdapterConfig } from './adapter/config.ts';
import { storedAdapter } from './adapter/memory.ts';
import type { BlockRange } from './blocks.ts';
import { TrainingDivergedError } from './diverged.ts';
import { type FullConfig, storedFull } from './full/memory.ts';
import type { LoraConfig } from './lora/config.ts';
import { storedLora } from './lora/memory.ts';
import type { Memory, MemoryKind, MemoryValues } from './memory.ts';

const FILES = { index: 'memory.json', values: 'memory.safetensors' } as const;

interface MemoryIndex {
  readonly kind: MemoryKind;
  readonly blocks: BlockRange;
  readonly parameters: number;
  readonly config: object;
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
  const tensors = [...values].map(([name, value]) => ({ name, ...value, dtype: 'F32' as const }));
  writeSafetensors(join(folder, FILES.values), tensors);
  const { kind, blocks, parameters, config } = memory;
  const index: MemoryIndex = { kind, blocks, parameters, config };
  writeFileSync(join(folder, FILES.index), `${JSON.stringify(index, null, 2)}\n`);
}

function requireFinite(values: MemoryValues): void {
  for (const [name, { data }] of values) {
    if (data.every(Number.isFinite)) continue;
    throw new TrainingDivergedError(`${name} is not finite after the last step`);
  }
}

/** Puts a saved memory on the backend; the caller disposes of it. Throws an Error that names the file. */
export async function loadMemory(folder: string): Promise<Memory> {
  const { kind, blocks, config } = readIndex(join(folder, FILES.index));
  const source = openWeights(folder, FILES.values);
  switch (kind) {
    case 'adapter':
      return storedAdapter(config as AdapterConfig, blocks, source.read);
    case 'lora':
      return storedLora(config as LoraConfig, blocks, source.read);
    case 'full':
      return storedFull(source, folder, { config: config as FullConfig, blocks });
  }
}

const KINDS: readonly MemoryKind[] = ['adapter', 'lora', 'full'];

function readIndex(file: string): MemoryIndex {
  const index = JSON.parse(readFileSync(file, 'utf8')) as MemoryIndex;
  if (KINDS.includes(index.kind)) return index;
  throw new Error(
    `${file}: unknown kind of memory "${index.kind}"; this program knows ${KINDS.join(', ')}`,
  );
}
