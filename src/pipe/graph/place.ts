/**
 * Where something of a stage stands in the pipeline file. Reads nothing.
 */
import type { StageSpec } from '../config/pipeline.ts';
import type { Place } from '../config/schema-error.ts';

/** The place of the value (or, with `:key` at the end, the key) at a dotted path of a stage, or of what encloses it. */
export function placeIn(stage: StageSpec, path: string): Place {
  const [dotted, part] = path.split(':');
  const steps = dotted!.split('.');
  const exact = stage.places?.of(path);
  if (exact) return exact;
  for (let length = steps.length; length > 0; length--) {
    const at = steps.slice(0, length).join('.');
    const found = stage.places?.of(part && length === steps.length ? `${at}:${part}` : at);
    if (found) return found;
  }
  return stage.places?.of('') ?? {};
}
