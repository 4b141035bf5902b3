/** Loads a fixture of `tools/make-fixtures.py`: a small random model with PyTorch's numbers about it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openWeights, type WeightSource } from '../../src/lm/weights/safetensors.ts';

export const MODELS = [
  'neox-parallel',
  'neox-sequential',
  'neox-tanh-nobias',
  'llama-mha-tied',
  'llama-gqa',
  'llama-mqa',
] as const;

export interface TrainingRun {
  readonly name: 'adam' | 'adamw';
  readonly weightDecay: number;
  readonly clip: number;
  readonly losses: number[];
  readonly gradientNorms: number[];
  readonly learningRates: number[];
}

export interface Reference {
  readonly ids: number[][];
  /** [text, position] of each position whose next token is predicted. */
  readonly supervised: [number, number][];
  readonly loss: number;
  readonly memoryLoss: number;
  readonly memoryBlocks: number[];
  readonly memoryHidden: number;
  readonly memoryNormEpsilon: number;
  readonly schedule: { learningRate: number; warmup: number; steps: number };
  readonly betas: [number, number];
  readonly epsilon: number;
  readonly training: TrainingRun[];
  readonly prompt: number[];
  readonly greedy: number[];
}

export interface Fixture {
  readonly folder: string;
  readonly reference: Reference;
  /** PyTorch's tensors: `logits`, `gradient.*`, `memory.*`, `memoryGradient.*`, `trained.N.*`. */
  readonly tensors: WeightSource;
  readonly batch: number;
  readonly length: number;
  readonly flatIds: Int32Array;
  /** Rows of the flattened (B·T, C) states that are supervised, and their next tokens. */
  readonly rows: Int32Array;
  readonly targets: Int32Array;
}

export function readFixture(name: string): Fixture {
  const folder = join(import.meta.dirname, '..', 'fixtures', name);
  const reference: Reference = JSON.parse(readFileSync(join(folder, 'reference.json'), 'utf8'));
  const length = reference.ids[0]!.length;
  return {
    folder,
    reference,
    tensors: openWeights(folder, 'reference.safetensors'),
    batch: reference.ids.length,
    length,
    flatIds: Int32Array.from(reference.ids.flat()),
    rows: Int32Array.from(reference.supervised, ([text, position]) => text * length + position),
    targets: Int32Array.from(
      reference.supervised,
      ([text, position]) => reference.ids[text]![position + 1]!,
    ),
  };
}

/** The largest difference, relative to the largest expected magnitude. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Infinity;
  let [difference, magnitude] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    if (!Number.isFinite(actual[i]!)) return Infinity;
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    magnitude = Math.max(magnitude, Math.abs(expected[i]!));
  }
  return difference / Math.max(magnitude, Number.MIN_VALUE);
}
