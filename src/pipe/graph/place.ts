/**
 * Where something of a stage stands in the pipeline file. Reads nothing.
 */
import type { StageSpec } from '../config/pipeline.ts';
import type { SourceRange } from '../diagnostic.ts';

/** The place of the value (or, with `:key` at the end, the key) at a dotted path of a stage, or of what encloses it. */
export function placeIn(stage: StageSpec, path: string): { file?: string; range?: SourceRange } {
  const [dotted, part] = path.split(':');
  const steps = dotted!.split('.');
  const exact = stage.places?.[path];
  if (exact) return exact;
  for (let length = steps.length; length > 0; length--) {
    const at = steps.slice(0, length).join('.');
    const found = stage.places?.[part && length === steps.length ? `${at}:${part}` : at];
    if (found) return found;
  }
  return stage.places?.[''] ?? { range: stage.range };
}
