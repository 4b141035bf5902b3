/**
 * What `import … from 'mempipe'` gives: the door for stages, and the engine for programs. Stages load
 * it in processes of their own, so the engine is only loaded when it is called.
 */
import type { LoadedPipeline, LoadOptions, RunOptions } from './api/pipeline.ts';
import type { Summary } from './pipe/event.ts';

export type { LoadedPipeline, LoadOptions, PlannedTask, RunOptions } from './api/pipeline.ts';
export { type Diagnostic, DiagnosticError, type SourceRange } from './pipe/diagnostic.ts';
export type { Event, FailureReason, Summary, TaskId } from './pipe/event.ts';
export type { Json, JsonObject } from './pipe/json.ts';
export {
  type Checkpoint,
  defineStage,
  type Estimate,
  type InputDeclaration,
  type InputFile,
  type Memo,
  type Metrics,
  type MetricValue,
  type OutputDeclaration,
  type StageContext,
  type StageDeclaration,
  StageError,
  type StageInput,
  Type,
} from './pipe/stage.ts';

/**
 * Reads and checks a pipeline file and the code of its stages. Throws a DiagnosticError that holds
 * every problem. Load again to see an edited pipeline file or stage.
 */
export async function loadPipeline(file: string, options?: LoadOptions): Promise<LoadedPipeline> {
  const { load } = await import('./api/engine.ts');
  return load(file, options ?? {});
}

/**
 * Builds the targets. A task that fails is no exception: it is an event, and counted in the summary.
 */
export async function run(pipeline: LoadedPipeline, options?: RunOptions): Promise<Summary> {
  const { runLoaded } = await import('./api/engine.ts');
  return runLoaded(pipeline, options ?? {});
}
