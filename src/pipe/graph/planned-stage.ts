/**
 * Types only: a stage on the way from the pipeline file to its tasks.
 */
import type { StageSpec } from '../config/pipeline.ts';
import type { StageCode } from '../fingerprint/stage-code.ts';
import type { Cell } from './cell.ts';
import type { TaskOutput } from './task.ts';

/** A stage with all that is known of it before its cells are bound. */
export interface PlannedStage {
  readonly spec: StageSpec;
  readonly code: StageCode | undefined;
  readonly cells: readonly Cell[];
  readonly outputs: readonly TaskOutput[];
}
