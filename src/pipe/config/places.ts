/**
 * Where the values of a pipeline stand in its file, looked up when a problem is to be shown: a plan
 * without problems never reads them. Knows no problem.
 */
import type { Json, JsonObject } from '../json.ts';
import { applyOverrides } from './override.ts';
import type { Pipeline, Places } from './pipeline.ts';
import type { PipelineText } from './pipeline-text.ts';
import { valueAt } from './reference.ts';
import { resolveReferences } from './resolve.ts';
import type { Place, PlaceOf } from './schema-error.ts';
import { readYaml, type YamlFile } from './yaml-file.ts';

/** A pipeline's values, references replaced, with their places. */
export interface PlacedValue {
  readonly value: Json;
  readonly placeOf: PlaceOf;
}

/** The pipeline with the places of its stages, for which `read` is called at the first need. */
export function withPlaces(pipeline: Pipeline, read: () => PlacedValue): Pipeline {
  let known: PlacedValue | undefined;
  const once = () => {
    known ??= read();
    return known;
  };
  const stages = pipeline.stages.map((stage) => {
    return { ...stage, places: new StagePlaces(stage.name, once) };
  });
  return { ...pipeline, stages };
}

/** What the text of a valid pipeline file holds, and where. */
export function placedValue(text: PipelineText): PlacedValue {
  const yaml = readYaml(text.bytes, text.file);
  const overridden = applyOverrides(yaml.value ?? null, text.sets);
  const placeOf = placesIn(text.file, yaml, overridden.texts);
  return { value: resolveReferences(overridden.value, placeOf).value, placeOf };
}

/** Values that `--set` gave have no place in the file: their diagnostics name the option. */
export function placesIn(
  file: string,
  yaml: YamlFile,
  texts: ReadonlyMap<string, string>,
): PlaceOf {
  return (path, part) => {
    for (let length = path.length; length > 0; length--) {
      const text = texts.get(path.slice(0, length).join('\0'));
      if (text !== undefined) return { file: `--set ${text}` };
    }
    const range = part === 'key' ? yaml.keyRange(path) : yaml.valueRange(path);
    return range ? { file, range } : { file };
  };
}

class StagePlaces implements Places {
  readonly #stage: string;
  readonly #read: () => PlacedValue;
  #places: ReadonlyMap<string, Place> | undefined;

  constructor(stage: string, read: () => PlacedValue) {
    this.#stage = stage;
    this.#read = read;
  }

  of(path: string): Place | undefined {
    this.#places ??= placesOf(this.#stage, this.#read());
    return this.#places.get(path);
  }

  /** Kept with no plan: the file tells them again. */
  toJSON(): undefined {
    return undefined;
  }
}

/** Places of what only the graph can check: params against the code's schema, labels, inputs. */
function placesOf(name: string, { value, placeOf }: PlacedValue): ReadonlyMap<string, Place> {
  const at = ['stages', name];
  const stage = (valueAt(value, at) ?? {}) as JsonObject;
  const places = new Map<string, Place>([['', placeOf(at, 'key')]]);
  const walk = (item: Json | undefined, path: readonly string[]): void => {
    places.set(path.join('.'), placeOf([...at, ...path], 'value'));
    places.set(`${path.join('.')}:key`, placeOf([...at, ...path], 'key'));
    if (item === null || typeof item !== 'object') return;
    for (const [key, inner] of Object.entries(item)) walk(inner as Json, [...path, key]);
  };
  for (const key of ['use', 'cmd', 'params', 'inputs', 'matrix', 'outputs', 'seed']) {
    if (stage[key] !== undefined) walk(stage[key], [key]);
  }
  return places;
}
