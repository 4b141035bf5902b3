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
  /** Undefined where no schema checks anything: the params of commands are as they were given. */
  private readonly file: string | undefined;
  private readonly kept: { readonly [task: TaskId]: JsonObject } | undefined;

  constructor(pipeline: Pipeline, code: ReadonlyMap<string, StageCode>) {
    const question = pipeline.stages.flatMap(({ name, params, matrix, body }): Json[] => {
      if (body.kind !== 'module') return [];
      const schema = code.get(body.use)?.declaration.params;
      return [[name, params, matrix as unknown as Json, schema ?? null]];
    });
    if (question.length === 0) return;
    this.file = keptPlanFile(pipeline.root, 'params', question);
    this.kept = readKeptPlan(this.file) as { [task: TaskId]: JsonObject } | undefined;
  }

  of(id: TaskId): JsonObject | undefined {
    return this.kept?.[id];
  }

  /** Called once all params of all tasks were found valid. */
  keep(tasks: readonly Task[]): void {
    if (this.file === undefined || this.kept !== undefined) return;
    const checked = tasks.filter(({ code }) => code.kind !== 'command');
    keepPlan(this.file, Object.fromEntries(checked.map(({ id, params }) => [id, params])));
  }
}
