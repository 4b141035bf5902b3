/**
 * The text of a pipeline file that is plain and right → Pipeline, without a YAML library and a schema
 * compiler. Says nothing of what is wrong: `parse.ts` reads that again. Knows no places.
 */
import type { JsonObject } from '../json.ts';
import { applyOverrides } from './override.ts';
import type { Pipeline } from './pipeline.ts';
import type { PipelineText } from './pipeline-text.ts';
import { isPipeline } from './pipeline-validator.ts';
import { readPlainYaml } from './plain-yaml.ts';
import { resolveReferences } from './resolve.ts';
import type { PlaceOf } from './schema-error.ts';
import { specifyPipeline } from './specify.ts';
import { checkStages } from './stage-check.ts';

const nowhere: PlaceOf = () => ({});

/** Undefined where the text is not plain or has a problem. */
export function plainPipeline(text: PipelineText): Pipeline | undefined {
  // Each byte a character: whatever is no ASCII is not plain.
  const read = readPlainYaml(Buffer.from(text.bytes).toString('latin1'));
  if (read === undefined) return undefined;
  const overridden = applyOverrides(read, text.sets);
  if (overridden.diagnostics.length > 0) return undefined;
  const { value, diagnostics } = resolveReferences(overridden.value, nowhere);
  if (diagnostics.length > 0 || !isPipeline(value)) return undefined;
  if (checkStages(value, nowhere).length > 0) return undefined;
  return specifyPipeline(value as JsonObject, text);
}
