/**
 * How far a training has come, and its state as bytes: all that a resumed training needs to reach the
 * same bits. Knows no data and no model.
 */
import type { Optimizer } from '../tensor/optimizer.ts';
import { decodeSnapshot, encodeSnapshot } from '../tensor/snapshot.ts';
import { bestEpoch, type EarlyStop } from './early-stop.ts';

export interface StepRecord {
  readonly step: number;
  readonly epoch: number;
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradNorm: number;
}

export interface Progress {
  /** One a step; their number is that of the steps taken. */
  readonly records: StepRecord[];
  /** Mean loss of each whole epoch. */
  readonly epochLosses: number[];
  /** The parameters after the best epoch, with a patience only. */
  best: readonly Float32Array[] | undefined;
}

type Kept = Pick<Progress, 'records' | 'epochLosses'>;

export function freshProgress(): Progress {
  return { records: [], epochLosses: [], best: undefined };
}

/** Counts the epoch that the last step ended, and keeps its values if it was the best so far. */
export function closeEpoch(
  progress: Progress,
  at: {
    readonly perEpoch: number;
    readonly optimizer: Optimizer;
    readonly earlyStop: EarlyStop;
  },
): void {
  const losses = progress.records.slice(-at.perEpoch).map((record) => record.loss);
  const epoch = progress.epochLosses.length;
  progress.epochLosses.push(losses.reduce((sum, loss) => sum + loss, 0) / at.perEpoch);
  if (at.earlyStop.patience === 0) return;
  if (bestEpoch(progress.epochLosses, at.earlyStop) !== epoch) return;
  progress.best = at.optimizer.values().map((values) => values.slice());
}

export function encodeProgress(progress: Progress, optimizer: Optimizer): Uint8Array {
  const { records, epochLosses, best } = progress;
  const meta: Kept = { records, epochLosses };
  return encodeSnapshot({ meta, arrays: [...optimizer.arrays(), ...(best ?? [])] });
}

/** Sets the optimizer to the state that `bytes` hold. */
export function decodeProgress(bytes: Uint8Array, optimizer: Optimizer): Progress {
  const { meta, arrays } = decodeSnapshot<Kept>(bytes);
  const own = optimizer.arrays().length;
  optimizer.restore(arrays.slice(0, own), meta.records.length);
  return { ...meta, best: arrays.length > own ? arrays.slice(own) : undefined };
}
