/**
 * Params that were checked before: the same stages, matrices, params and schemas give the same
 * result, without ajv. Knows no schema's meaning.
 */
import { keepPlan, keptPlanFile, readKeptPlan } from '../config/kept-plan.ts';
import type { Pipeline } from '../config/pipeline.ts';
import type { TaskId } from '../event.ts';
import type { StageCode } from '../fingerprint/stage-code.ts';
import type { Json, JsonObject } from '../json.ts';
import type { Task } from './task.ts';

export class KeptParams {
  private readonly file: string;
  private readonly kept: { readonly [task: TaskId]: JsonObject } | undefined;

  constructor(pipeline: Pipeline, code: ReadonlyMap<string, StageCode>) {
    const question = pipeline.stages.map(({ name, params, matrix, body }): Json => {
      const schema = body.kind === 'module' ? code.get(body.use)?.declaration.params : undefined;
      return [name, params, matrix as unknown as Json, schema ?? null];
    });
    this.file = keptPlanFile(pipeline.root, 'params', question);
    this.kept = readKeptPlan(this.file) as { [task: TaskId]: JsonObject } | undefined;
  }

  of(id: TaskId): JsonObject | undefined {
    return this.kept?.[id];
  }

  /** Called once all params of all tasks were found valid. */
  keep(tasks: readonly Task[]): void {
    if (this.kept !== undefined) return;
    keepPlan(this.file, Object.fromEntries(tasks.map(({ id, params }) => [id, params])));
  }
}
