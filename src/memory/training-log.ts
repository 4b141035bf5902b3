/**
 * What a training leaves beside the memory: `metrics.jsonl` and TensorBoard's event file. Without a
 * wall-clock figure, so that the same training gives the same bytes. Knows no tensor.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVENT_FILE, encodeEventFile, type ScalarEvent } from './event-file.ts';
import type { StepRecord } from './progress.ts';
import type { Trained } from './train.ts';

/** One line a step. */
export function writeMetrics(file: string, records: readonly StepRecord[]): void {
  writeFileSync(file, records.map((item) => `${JSON.stringify(item)}\n`).join(''));
}

/** An event a step, and with the last step of each epoch that epoch's mean loss. */
export function writeEvents(folder: string, { records, epochLosses }: Trained): void {
  mkdirSync(folder, { recursive: true });
  const events = records.map((record, index): ScalarEvent => {
    const { step, epoch, loss, learningRate, gradNorm } = record;
    const ends = records[index + 1]?.epoch !== epoch && epochLosses[epoch] !== undefined;
    const values = { loss, learning_rate: learningRate, gradient_norm: gradNorm };
    return { step, values: ends ? { ...values, epoch_loss: epochLosses[epoch]! } : values };
  });
  writeFileSync(join(folder, EVENT_FILE), encodeEventFile(events));
}

/** Mean losses of the first and the last steps, at most 20 of each; 0 without a step. */
export function lossesOf(records: readonly StepRecord[]): { firstLoss: number; lastLoss: number } {
  const mean = (part: readonly StepRecord[]): number =>
    part.reduce((sum, item) => sum + item.loss, 0) / Math.max(1, part.length);
  return { firstLoss: mean(records.slice(0, 20)), lastLoss: mean(records.slice(-20)) };
}
