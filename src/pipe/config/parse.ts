/**
 * The text of a pipeline file → Pipeline, or every problem in it. Loaded only where the text is not
 * plain or something is wrong: it needs the YAML library and ajv. Knows no graph and reads no file.
 */
import { Ajv } from 'ajv';
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';
import { applyOverrides } from './override.ts';
import { inFileOrder, PartialPlanError, soundStages } from './partial-plan.ts';
import type { Pipeline } from './pipeline.ts';
import type { PipelineText } from './pipeline-text.ts';
import { placesIn, withPlaces } from './places.ts';
import { valueAt } from './reference.ts';
import { resolveReferences } from './resolve.ts';
import { pipelineSchema, SCHEMA_OPTIONS } from './schema.ts';
import { diagnoseSchemaErrors, type PlaceOf } from './schema-error.ts';
import { specifyPipeline } from './specify.ts';
import { checkStages } from './stage-check.ts';
import { readYaml } from './yaml-file.ts';

/** Throws a DiagnosticError that holds all problems that can be known from the text alone. What it returns has no places. */
export function parsePipeline(text: PipelineText): Pipeline {
  const yaml = readYaml(text.bytes, text.file);
  if (yaml.value === undefined) throw new DiagnosticError(yaml.diagnostics);
  if (yaml.value === null) throw new DiagnosticError([emptyFile(text.file)]);

  const overridden = applyOverrides(yaml.value, text.sets);
  const placeOf = placesIn(text.file, yaml, overridden.texts);
  const check = checker(placeOf);
  const { value, diagnostics: problems } = check(overridden.value);
  const diagnostics = [...overridden.diagnostics, ...problems];
  if (diagnostics.length > 0) {
    // Without the words of the user the file says something else.
    const isAsMeant = overridden.diagnostics.length === 0;
    const sound = isAsMeant ? soundPart(overridden.value, check) : undefined;
    const rest = sound && withPlaces(specifyPipeline(sound, text), () => ({ value, placeOf }));
    throw new PartialPlanError(inFileOrder(diagnostics), rest);
  }
  return specifyPipeline(value as JsonObject, text);
}

type Check = (value: Json) => { readonly value: Json; readonly diagnostics: readonly Diagnostic[] };

function checker(placeOf: PlaceOf): Check {
  const ajv = new Ajv({ ...SCHEMA_OPTIONS, allErrors: true, verbose: true });
  const isValid = ajv.compile(pipelineSchema);
  return (raw) => {
    const { value, diagnostics } = resolveReferences(raw, placeOf);
    const errors = isValid(value) ? [] : (isValid.errors ?? []);
    const ofSchema = diagnoseSchemaErrors(errors, placeOf, '');
    const all = [...diagnostics, ...ofSchema, ...checkStages(value, placeOf)];
    return { value, diagnostics: all };
  };
}

/** The plan without what is wrong and what reads it; undefined where nothing is left. */
function soundPart(value: Json, check: Check): JsonObject | undefined {
  const stages = Object.entries(mappingAt(value, 'stages'));
  const rest = { version: 1, params: mappingAt(value, 'params') };
  const alone = stages.map(([name, stage]) => {
    const checked = check({ ...rest, stages: { [name]: stage } });
    return { name, ...checked };
  });
  const broken = alone.filter(({ diagnostics }) => diagnostics.length > 0);
  const readings = new Map(stages.map(([name, stage]) => [name, readingsOf(stage)]));
  const sound = new Set(soundStages(readings, new Set(broken.map(({ name }) => name))));
  if (sound.size === 0) return undefined;
  const kept = Object.fromEntries(stages.filter(([name]) => sound.has(name)));
  return check({ ...rest, stages: kept }).value as JsonObject;
}

function readingsOf(stage: Json): string[] {
  const sources = Object.values(mappingAt(stage, 'inputs')).flat() as Json[];
  return sources.flatMap((source) =>
    typeof source === 'string' ? (source.split('.')[0] ?? []) : [],
  );
}

function mappingAt(value: Json, key: string): JsonObject {
  const found = valueAt(value, [key]);
  const isMapping = found !== null && typeof found === 'object' && !Array.isArray(found);
  return isMapping ? (found as JsonObject) : {};
}

function emptyFile(file: string): Diagnostic {
  return {
    code: 'empty-file',
    message: 'The pipeline file is empty.',
    file,
    hint: 'Begin with "version: 1" and "stages:".',
  };
}
