/**
 * Checks that what a stage module exports is a declaration, and says in plain words if not. Knows no
 * file system.
 */
import type { Diagnostic } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';
import type { StageDescription } from './describe.ts';

const KINDS = ['file', 'files', 'folder', 'fan-in'];

/** The description, or what is wrong with it; `use` names the module, `file` its place. */
export function checkDeclaration(
  value: Json,
  use: string,
  file: string,
): StageDescription | Diagnostic[] {
  const problems: string[] = [];
  const stage = value as JsonObject;
  if (typeof stage.description !== 'string') problems.push('"description" must be text');
  if (stage.run !== 'function') problems.push('"run" must be a function');
  if (!isMapping(stage.params) || stage.params.type !== 'object') {
    problems.push('"params" must be Type.Object({…})');
  }
  problems.push(...extendableProblems(stage));
  problems.push(...entryProblems(stage.inputs, 'inputs', inputProblem));
  problems.push(
    ...entryProblems(stage.outputs, 'outputs', outputProblem),
    ...pathClashes(stage.outputs),
  );
  if (problems.length === 0) {
    const { description, params, extendable, inputs, outputs } =
      stage as unknown as StageDescription;
    return { description, params, ...(extendable ? { extendable } : {}), inputs, outputs };
  }
  return problems.map((problem) => ({
    code: 'bad-declaration',
    message: `The stage that ${use} declares is not valid: ${problem}.`,
    file,
    hint: 'Its default export should be defineStage({ description, params, inputs, outputs, run }).',
  }));
}

function isMapping(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function extendableProblems({ extendable, params }: JsonObject): string[] {
  if (extendable === undefined) return [];
  if (!isMapping(extendable) || typeof extendable.param !== 'string') {
    return ['"extendable" must be { param, when? }'];
  }
  const { param, when = {} } = extendable;
  if (!isMapping(when)) return ['"extendable.when" must be a mapping of params to values'];
  const known = isMapping(params) && isMapping(params.properties) ? params.properties : {};
  const unknown = [param, ...Object.keys(when)].filter((name) => known[name] === undefined);
  const missing = unknown.map((name) => `"extendable" names "${name}", which is no param`);
  const { type } = (known[param] ?? {}) as JsonObject;
  if (missing.length > 0 || type === 'integer') return missing;
  return [`"extendable" names "${param}", which is no Type.Integer()`];
}

function entryProblems(
  value: Json | undefined,
  key: string,
  problemOf: (entry: JsonObject) => string | undefined,
): string[] {
  if (!isMapping(value)) return [`"${key}" must be a mapping`];
  return Object.entries(value).flatMap(([name, entry]) => {
    if (!/^[A-Za-z_][\w-]*$/.test(name)) return [`"${name}" cannot be a name in ${key}`];
    const problem = isMapping(entry) ? problemOf(entry) : 'must be a mapping';
    return problem === undefined ? [] : [`${key}.${name} ${problem}`];
  });
}

function inputProblem(entry: JsonObject): string | undefined {
  if (!KINDS.includes(String(entry.kind))) return `has no kind of ${KINDS.join(', ')}`;
  return isTextList(entry.refuse) ? undefined : 'has a "refuse" that is no list of labels';
}

function outputProblem(entry: JsonObject): string | undefined {
  if (typeof entry.path !== 'string' || !isInnerPath(entry.path)) {
    return 'has no "path" inside its artifact';
  }
  return isTextList(entry.labels) ? undefined : 'has "labels" that are no list of labels';
}

function isTextList(value: Json | undefined): boolean {
  const isList = Array.isArray(value) && value.every((item: Json) => typeof item === 'string');
  return value === undefined || isList;
}

/** A relative path without `.` and `..` that cannot leave the folder it is put in. */
export function isInnerPath(path: string): boolean {
  const parts = path.replace(/\/$/, '').split('/');
  return (
    parts.every((part) => part !== '' && part !== '.' && part !== '..') && !path.includes('\\')
  );
}

function pathClashes(outputs: Json | undefined): string[] {
  if (!isMapping(outputs)) return [];
  const paths = Object.entries(outputs).map(([name, entry]): [string, string] => [
    name,
    isMapping(entry) ? String(entry.path).replace(/\/$/, '') : name,
  ]);
  return paths.flatMap(([name, path], index) =>
    paths
      .slice(0, index)
      .filter(
        ([, other]) => `${path}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${path}/`),
      )
      .map(([other]) => `the outputs "${other}" and "${name}" share the path ${path}`),
  );
}
