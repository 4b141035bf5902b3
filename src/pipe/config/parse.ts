/**
 * The text of a pipeline file → Pipeline, or every problem in it. Loaded only when the kept plan
 * does not know the file: it pulls in the YAML parser and ajv. Knows no graph and reads no file.
 */
import { Ajv } from 'ajv';
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';
import { applyOverrides } from './override.ts';
import type { Pipeline } from './pipeline.ts';
import { resolveReferences } from './resolve.ts';
import { pipelineSchema } from './schema.ts';
import { diagnoseSchemaErrors, type PlaceOf } from './schema-error.ts';
import { specifyPipeline } from './specify.ts';
import { checkStages } from './stage-check.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

export interface PipelineText {
  readonly bytes: Uint8Array;
  /** As the user would type it. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  readonly root: string;
  readonly sets: readonly string[];
}

/** Throws a DiagnosticError that holds all problems that can be known from the text alone. */
export function parsePipeline(text: PipelineText): Pipeline {
  const yaml = readYaml(text.bytes, text.file);
  if (yaml.value === undefined) throw new DiagnosticError(yaml.diagnostics);
  if (yaml.value === null) throw new DiagnosticError([emptyFile(text.file)]);

  const overridden = applyOverrides(yaml.value, text.sets);
  const placeOf = placesIn(text.file, yaml, overridden.texts);
  const resolved = resolveReferences(overridden.value, placeOf);
  const diagnostics: Diagnostic[] = [
    ...overridden.diagnostics,
    ...resolved.diagnostics,
    ...validate(resolved.value, placeOf),
  ];
  diagnostics.push(...checkStages(resolved.value, placeOf));
  if (diagnostics.length > 0) throw new DiagnosticError(inFileOrder(diagnostics));
  return specifyPipeline(resolved.value as JsonObject, placeOf, text);
}

function validate(value: Json, placeOf: PlaceOf): Diagnostic[] {
  // `strict` would refuse x-expects and the unions of types that references make necessary.
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false });
  const check = ajv.compile(pipelineSchema);
  return check(value) ? [] : diagnoseSchemaErrors(check.errors ?? [], placeOf, '');
}

/** Values that `--set` gave have no place in the file: their diagnostics name the option. */
function placesIn(file: string, yaml: YamlFile, texts: ReadonlyMap<string, string>): PlaceOf {
  return (path, part) => {
    for (let length = path.length; length > 0; length--) {
      const text = texts.get(path.slice(0, length).join('\0'));
      if (text !== undefined) return { file: `--set ${text}` };
    }
    const range = part === 'key' ? yaml.keyRange(path) : yaml.valueRange(path);
    return range ? { file, range } : { file };
  };
}

function inFileOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const line = (item: Diagnostic) => item.range?.line ?? 0;
  const column = (item: Diagnostic) => item.range?.column ?? 0;
  return [...diagnostics].sort((a, b) => line(a) - line(b) || column(a) - column(b));
}

function emptyFile(file: string): Diagnostic {
  return {
    code: 'empty-file',
    message: 'The pipeline file is empty.',
    file,
    hint: 'Begin with "version: 1" and "stages:".',
  };
}
