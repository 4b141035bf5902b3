/**
 * Output paths that stay inside their artifact's folder and out of each other's way. What leaves it
 * would be written over, or emptied, as if it were ours. Reads nothing.
 */
import { posix } from 'node:path';
import type { StageSpec } from '../config/pipeline.ts';
import type { Diagnostic } from '../diagnostic.ts';
import { placeIn } from './place.ts';
import type { TaskOutput } from './task.ts';

export function checkOutputs(spec: StageSpec, outputs: readonly TaskOutput[]): Diagnostic[] {
  return outputs.flatMap((output, index) => {
    const problem = escapes(output.path) ?? clashes(output, outputs.slice(0, index));
    if (problem === undefined) return [];
    return [
      {
        code: 'bad-output',
        message: `Output "${output.name}" of ${spec.name} is "${output.path}", ${problem}.`,
        hint: 'Name a file or a folder of its own inside the artifact, such as "out.txt" or "model/".',
        ...placeIn(spec, `outputs.${output.name}`),
      },
    ];
  });
}

function escapes(path: string): string | undefined {
  if (posix.isAbsolute(path)) return 'which is an absolute path';
  const steps = path.split(/[/\\]/);
  if (steps.includes('..')) return 'which climbs out of the artifact';
  return posix.normalize(path) === '.' ? 'which is the artifact itself' : undefined;
}

function clashes(output: TaskOutput, earlier: readonly TaskOutput[]): string | undefined {
  const own = posix.normalize(output.path);
  const other = earlier.find((one) => {
    const path = posix.normalize(one.path);
    return path === own || own.startsWith(`${path}/`) || path.startsWith(`${own}/`);
  });
  return other === undefined ? undefined : `which lies at or inside output "${other.name}"`;
}
