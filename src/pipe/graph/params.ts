/**
 * A task's params against the schema that its stage declares: defaults filled in, everything else
 * reported. Knows no matrix.
 */
import { createRequire } from 'node:module';
import type { Ajv, ValidateFunction } from 'ajv';
import { diagnoseSchemaErrors, type PlaceOf } from '../config/schema-error.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';

interface ParamsOptions {
  readonly schema: JsonObject;
  readonly given: JsonObject;
  readonly placeOf: PlaceOf;
  /** What messages call the whole, such as `stages.train.params`. */
  readonly subject: string;
}

export function resolveParams(options: ParamsOptions): {
  params: JsonObject;
  diagnostics: Diagnostic[];
} {
  const { schema, given, placeOf, subject } = options;
  const params = structuredClone(given) as JsonObject;
  const check = validatorOf(schema);
  if (check(params)) return { params, diagnostics: [] };
  return { params, diagnostics: diagnoseSchemaErrors(check.errors ?? [], placeOf, subject) };
}

const validators = /* @__PURE__ */ new WeakMap<JsonObject, ValidateFunction>();
let compiler: Ajv | undefined;

/** ajv is loaded at the first need only: a plan whose params were checked before does without. */
function validatorOf(schema: JsonObject): ValidateFunction {
  const known = validators.get(schema);
  if (known) return known;
  if (compiler === undefined) {
    const ajv = createRequire(import.meta.filename)('ajv') as { Ajv: typeof Ajv };
    compiler = new ajv.Ajv({ allErrors: true, verbose: true, strict: false, useDefaults: true });
  }
  const check = compiler.compile(closed(schema) as JsonObject);
  validators.set(schema, check);
  return check;
}

/** The schema with mappings closed to names that they do not list, unless they say otherwise. */
function closed(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map((item: Json) => closed(item));
  if (schema === null || typeof schema !== 'object') return schema;
  const entries = Object.entries(schema as JsonObject).map(([key, value]): [string, Json] => {
    const isData = key === 'default' || key === 'const' || key === 'enum' || key === 'examples';
    return [key, isData ? value : closed(value)];
  });
  const result = Object.fromEntries(entries);
  const isMapping = result.type === 'object' && result.properties !== undefined;
  const isOpen =
    result.additionalProperties !== undefined || result.patternProperties !== undefined;
  return isMapping && !isOpen ? { ...result, additionalProperties: false } : result;
}
