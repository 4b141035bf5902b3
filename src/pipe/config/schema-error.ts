/**
 * What ajv found, as diagnostics in plain words. Knows JSON Schema, and of the file only what
 * `PlaceOf` tells.
 */
import type { ErrorObject } from 'ajv';
import type { Diagnostic, SourceRange } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';
import { nearestName, suggest } from './nearest-name.ts';

export interface Place {
  readonly file?: string;
  readonly range?: SourceRange;
}
/** The place of the value at a path (or of the key that names it). */
export type PlaceOf = (path: readonly string[], part: 'key' | 'value') => Place;

/** One diagnostic for each faulty value, in ajv's order. `subject` names the validated whole. Needs `verbose: true`. */
export function diagnoseSchemaErrors(
  errors: readonly ErrorObject[],
  placeOf: PlaceOf,
  subject: string,
): Diagnostic[] {
  const seen = new Set<string>();
  const diagnostics: Diagnostic[] = [];
  for (const error of withoutBranches(errors)) {
    const found = diagnose(error, placeOf, subject);
    const about = error.keyword === 'additionalProperties' ? found.message : '';
    const identity = `${error.instancePath}\0${isMissing(error) ? found.message : about}`;
    if (!seen.has(identity)) diagnostics.push(found);
    seen.add(identity);
  }
  return diagnostics;
}

/** Errors inside the branches of an anyOf say what each branch wanted; the anyOf's own says it once. */
function withoutBranches(errors: readonly ErrorObject[]): ErrorObject[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  return errors.filter(
    (error) =>
      error.propertyName === undefined &&
      !unions.some(
        (union) => error !== union && error.schemaPath.startsWith(`${union.schemaPath}/`),
      ),
  );
}

function isMissing(error: ErrorObject): boolean {
  return error.keyword === 'required';
}

function diagnose(error: ErrorObject, placeOf: PlaceOf, subject: string): Diagnostic {
  const path = pointerPath(error.instancePath);
  const name = [subject, ...path].filter((part) => part !== '').join('.') || 'the file';
  const params = error.params as { readonly [key: string]: string };
  switch (error.keyword) {
    case 'additionalProperties':
      return unknownKey(error, [...path, params.additionalProperty!], placeOf, name);
    case 'required':
      return {
        code: 'missing-key',
        message: `${name} has no "${params.missingProperty}".`,
        ...placeOf(path, 'key'),
        hint: missingHint(error, params.missingProperty!),
      };
    case 'propertyNames':
      return {
        code: 'bad-name',
        message: `"${params.propertyName}" cannot be a name.`,
        ...placeOf([...path, params.propertyName!], 'key'),
        hint: 'Names begin with a letter and hold letters, digits, _ and -.',
      };
    default:
      return badValue(error, path, placeOf, name);
  }
}

function missingHint(error: ErrorObject, key: string): string {
  const schema = (error.parentSchema?.properties as JsonObject | undefined)?.[key] as
    | JsonObject
    | undefined;
  const text = typeof schema?.description === 'string' ? ` ${schema.description}` : '';
  return `Add "${key}${schema?.const === undefined ? '' : `: ${schema.const}`}".${text}`;
}

function unknownKey(
  error: ErrorObject,
  path: readonly string[],
  placeOf: PlaceOf,
  name: string,
): Diagnostic {
  const key = path.at(-1)!;
  const known = Object.keys((error.parentSchema?.properties ?? {}) as JsonObject);
  return {
    code: 'unknown-key',
    message: `"${key}" is not a key of ${name}.`,
    ...placeOf(path, 'key'),
    hint: suggest(key, known, 'keys'),
  };
}

function badValue(
  error: ErrorObject,
  path: readonly string[],
  placeOf: PlaceOf,
  name: string,
): Diagnostic {
  const value = error.data as Json;
  const choices = choicesOf(error);
  const nearest =
    choices && typeof value === 'string' ? nearestName(value, choices.map(String)) : undefined;
  return {
    code: error.keyword === 'type' ? 'bad-type' : 'bad-value',
    message: `${name} must be ${expectation(error, choices)}, not ${describeValue(value)}.`,
    ...placeOf(path, 'value'),
    ...(nearest === undefined ? {} : { hint: `Did you mean "${nearest}"?` }),
  };
}

/** The literal values of an enum, a const or a union of consts. */
function choicesOf(error: ErrorObject): Json[] | undefined {
  if (error.keyword === 'enum') return error.params.allowedValues as Json[];
  if (error.keyword === 'const') return [error.params.allowedValue as Json];
  if (error.keyword !== 'anyOf' && error.keyword !== 'oneOf') return undefined;
  const branches = error.schema as JsonObject[];
  const literals = branches.every((branch) => branch.const !== undefined);
  return literals ? branches.map((branch) => branch.const!) : undefined;
}

function expectation(error: ErrorObject, choices: Json[] | undefined): string {
  const expects = (error.parentSchema as JsonObject | undefined)?.['x-expects'];
  if (typeof expects === 'string') return expects;
  if (choices) return choices.map((choice) => JSON.stringify(choice)).join(' or ');
  if (error.keyword === 'type') return typeNames(error.params.type as string | string[]);
  if (error.keyword === 'anyOf' || error.keyword === 'oneOf') return branchTypes(error);
  // ajv says "must be >= 0", "must NOT have fewer than 1 items".
  return (error.message ?? 'valid')
    .replace(/^must be /, '')
    .replace(/^must /, 'such that it must ');
}

function branchTypes(error: ErrorObject): string {
  const branches = error.schema as JsonObject[];
  const words = branches.map((branch) =>
    branch.const === undefined
      ? typeNames((branch.type ?? 'value of another kind') as string | string[])
      : JSON.stringify(branch.const),
  );
  return [...new Set(words)].join(' or ');
}

const TYPE_NAMES: { readonly [type: string]: string } = {
  integer: 'a whole number',
  number: 'a number',
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  null: 'null',
};

function typeNames(types: string | readonly string[]): string {
  const list = typeof types === 'string' ? [types] : types;
  return list.map((type) => TYPE_NAMES[type] ?? type).join(' or ');
}

function describeValue(value: Json): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value !== null && typeof value === 'object') return 'a mapping';
  return JSON.stringify(value);
}

function pointerPath(pointer: string): string[] {
  const parts = pointer.split('/').slice(1);
  return parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}
