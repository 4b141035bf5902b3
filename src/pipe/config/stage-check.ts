/**
 * What a JSON Schema cannot say of a stage: code or command but not both, and references that need
 * the stage's own matrix, inputs and outputs. Knows no other stage.
 */
import type { Diagnostic } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';
import { suggest } from './nearest-name.ts';
import { mayRefer, referencesIn, valueAt } from './reference.ts';
import type { PlaceOf } from './schema-error.ts';

/** `value` may be invalid in any way: what has the wrong type is left to the schema. */
export function checkStages(value: Json, placeOf: PlaceOf): Diagnostic[] {
  const stages = valueAt(value, ['stages']);
  const shared = valueAt(value, ['params']);
  return entriesOf(stages).flatMap(([name, stage]) => {
    if (stage === null || typeof stage !== 'object' || Array.isArray(stage)) return [];
    const context = { name, stage: stage as JsonObject, shared, placeOf };
    return [...checkBody(context), ...checkReferences(context)];
  });
}

interface StageContext {
  readonly name: string;
  readonly stage: JsonObject;
  readonly shared: Json | undefined;
  readonly placeOf: PlaceOf;
}

function entriesOf(value: Json | undefined): [string, Json][] {
  const isMapping = value !== null && typeof value === 'object' && !Array.isArray(value);
  return isMapping ? Object.entries(value) : [];
}

function checkBody({ name, stage, placeOf }: StageContext): Diagnostic[] {
  const at = ['stages', name];
  const hasUse = stage.use !== undefined;
  const hasCmd = stage.cmd !== undefined;
  const both = 'A stage is either code (use) or a command (cmd).';
  if (hasUse && hasCmd) {
    const message = `stages.${name} has both "use" and "cmd".`;
    return [{ code: 'bad-stage', message, ...placeOf([...at, 'cmd'], 'key'), hint: both }];
  }
  if (!hasUse && !hasCmd) {
    const message = `stages.${name} has neither "use" nor "cmd".`;
    return [{ code: 'bad-stage', message, ...placeOf(at, 'key'), hint: both }];
  }
  if (hasUse && stage.outputs !== undefined) {
    return [
      {
        code: 'bad-stage',
        message: `stages.${name} cannot name outputs: ${String(stage.use)} declares them.`,
        ...placeOf([...at, 'outputs'], 'key'),
        hint: 'Remove "outputs"; only a cmd stage has them here.',
      },
    ];
  }
  return [];
}

function checkReferences(context: StageContext): Diagnostic[] {
  const { name, stage } = context;
  const found: Diagnostic[] = [];
  const walk = (item: Json, path: readonly string[]): void => {
    if (typeof item === 'string') found.push(...checkText(item, path, context));
    else if (item !== null && typeof item === 'object') {
      for (const [key, inner] of Object.entries(item)) walk(inner as Json, [...path, key]);
    }
  };
  for (const key of ['params', 'inputs', 'seed']) {
    const value = stage[key] ?? null;
    if (mayRefer(value)) walk(value, ['stages', name, key]);
  }
  if (typeof stage.cmd === 'string') found.push(...checkCommand(stage.cmd, context));
  return found;
}

function checkText(text: string, path: readonly string[], context: StageContext): Diagnostic[] {
  return referencesIn(text)
    .filter((reference) => reference.startsWith('matrix.'))
    .flatMap((reference) => checkMatrixReference(reference, path, context));
}

function checkMatrixReference(
  reference: string,
  path: readonly string[],
  { name, stage, placeOf }: StageContext,
): Diagnostic[] {
  const [, axis, ...field] = reference.split('.');
  const values = valueAt(stage.matrix, [axis!]);
  const message = `\${${reference}} refers to nothing`;
  const place = placeOf(path, 'value');
  const code = 'unknown-reference';
  if (values === undefined) {
    const axes = entriesOf(stage.matrix).map(([key]) => key);
    const hint = suggest(axis!, axes, `axes of stages.${name}`);
    return [{ code, message: `${message}: the matrix has no axis "${axis}".`, ...place, hint }];
  }
  const lacking = Array.isArray(values)
    ? values.find((value: Json) => valueAt(value, field) === undefined)
    : undefined;
  if (lacking === undefined) return [];
  const fields = entriesOf(lacking).map(([key]) => key);
  const hint = suggest(field.join('.'), fields, `fields of ${axis}`);
  const value = JSON.stringify(lacking);
  return [
    {
      code,
      message: `${message}: the value ${value} has no "${field.join('.')}".`,
      ...place,
      hint,
    },
  ];
}

/**
 * In a command a `${NAME}` without a dot belongs to the shell; with a dot it can only be ours.
 */
function checkCommand(cmd: string, context: StageContext): Diagnostic[] {
  const { name, stage, shared, placeOf } = context;
  const path = ['stages', name, 'cmd'];
  const names = (key: string) => entriesOf(stage[key]).map(([inner]) => inner);
  return referencesIn(cmd).flatMap((reference): Diagnostic[] => {
    if (!/^[\w-]+\.[\w.-]+$/.test(reference)) return [];
    const [root, ...rest] = reference.split('.');
    if (root === 'matrix') return checkMatrixReference(reference, path, context);
    if (isKnown(root!, rest, context)) return [];
    const known = {
      inputs: names('inputs'),
      outputs: names('outputs'),
      params: [...names('params'), ...entriesOf(shared).map(([key]) => key)],
    }[root!];
    const place = placeOf(path, 'value');
    const code = 'unknown-reference';
    const message = `\${${reference}} refers to nothing`;
    if (known === undefined) {
      const hint = suggest(root!, ['inputs', 'outputs', 'params', 'matrix'], 'references');
      return [{ code, message: `${message}.`, ...place, hint }];
    }
    const hint = suggest(rest[0]!, known, `${root} of stages.${name}`);
    return [{ code, message: `${message}.`, ...place, hint }];
  });
}

function isKnown(root: string, rest: readonly string[], { stage, shared }: StageContext): boolean {
  if (root === 'params')
    return [stage.params, shared].some((params) => valueAt(params, rest) !== undefined);
  const isOfStage = (root === 'inputs' || root === 'outputs') && !Array.isArray(stage[root]);
  return isOfStage && valueAt(stage, [root, rest.join('.')]) !== undefined;
}
