/**
 * Valid plain values → Pipeline: defaults filled in, quantities as numbers. Checks nothing.
 */
import type { Json, JsonObject } from '../json.ts';
import type { InputSpec, Pipeline, Resources, StageBody, StageSpec } from './pipeline.ts';
import { parseDurationMs, parseSizeBytes } from './quantity.ts';
import { referencesIn, valueAt } from './reference.ts';

export function specifyPipeline(
  value: JsonObject,
  { path, root }: { readonly path: string; readonly root: string },
): Pipeline {
  const params = (value.params ?? {}) as JsonObject;
  const stages = Object.entries(value.stages as { readonly [name: string]: JsonObject });
  return {
    file: path,
    root,
    params,
    ...(value.remote === undefined ? {} : { remote: value.remote as string }),
    ...(value.pools === undefined ? {} : { pools: value.pools as { [pool: string]: number } }),
    stages: stages.map(([name, stage]) => specifyStage(name, stage, params)),
  };
}

function specifyStage(name: string, stage: JsonObject, shared: JsonObject): StageSpec {
  const matrix = Object.entries((stage.matrix ?? {}) as { readonly [axis: string]: Json[] });
  const timeoutMs = parseDurationMs((stage.timeout as string | undefined) ?? '');
  return {
    name,
    body: specifyBody(stage),
    matrix: matrix.map(([axis, values]) => ({ axis, values })),
    inputs: specifyInputs(stage),
    outputs: (stage.outputs ?? {}) as { readonly [name: string]: string },
    params: stageParams(stage, shared),
    resources: specifyResources((stage.resources ?? {}) as JsonObject),
    retries: (stage.retries as number | undefined) ?? 0,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    env: (stage.env ?? []) as readonly string[],
    seed: typeof stage.seed === 'number' ? stage.seed : 0,
    ...(typeof stage.seed === 'string' ? { seedFrom: stage.seed } : {}),
    numerics: (stage.numerics ?? 'interchangeable') as StageSpec['numerics'],
  };
}

function specifyBody(stage: JsonObject): StageBody {
  return stage.use === undefined
    ? { kind: 'command', cmd: stage.cmd as string }
    : { kind: 'module', use: stage.use as string };
}

function specifyInputs(stage: JsonObject): InputSpec[] {
  const inputs = Object.entries((stage.inputs ?? {}) as { readonly [name: string]: Json });
  return inputs.map(([name, source]) => ({
    name,
    sources: (Array.isArray(source) ? source : [source]) as string[],
  }));
}

function specifyResources(resources: JsonObject): Resources {
  return {
    cpu: (resources.cpu as number | undefined) ?? 1,
    gpu: (resources.gpu as number | undefined) ?? 0,
    memoryBytes: parseSizeBytes((resources.memory as string | undefined) ?? '') ?? 0,
    pools: (resources.pools ?? {}) as { readonly [pool: string]: number },
  };
}

/**
 * A command may name a shared param without listing it: it then counts among the stage's params,
 * so that it is part of the key like any other.
 */
function stageParams(stage: JsonObject, shared: JsonObject): JsonObject {
  let params = (stage.params ?? {}) as JsonObject;
  if (typeof stage.cmd !== 'string') return params;
  for (const reference of referencesIn(stage.cmd)) {
    const [root, ...path] = reference.split('.');
    const value = root === 'params' ? valueAt(shared, path) : undefined;
    if (value === undefined || valueAt(params, path) !== undefined) continue;
    params = withValue(params, path, value);
  }
  return params;
}

function withValue(object: JsonObject, path: readonly string[], value: Json): JsonObject {
  const [key, ...rest] = path;
  if (rest.length === 0) return { ...object, [key!]: value };
  const inner = object[key!];
  const isMapping = inner !== null && typeof inner === 'object' && !Array.isArray(inner);
  return { ...object, [key!]: withValue(isMapping ? (inner as JsonObject) : {}, rest, value) };
}
