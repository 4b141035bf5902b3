/**
 * Tells whether a value is what the schema of pipeline files asks for; why not, ajv says in
 * `parse.ts`. In bundles, build.mjs puts here what ajv makes of the schema: to compile it anew takes
 * longer than to read a thousand stages.
 */
import { Ajv } from 'ajv';
import type { Json } from '../json.ts';
import { pipelineSchema, SCHEMA_OPTIONS } from './schema.ts';

const isValid = new Ajv(SCHEMA_OPTIONS).compile(pipelineSchema);

export function isPipeline(value: Json): boolean {
  return isValid(value);
}
