/**
 * `pipeline.yaml` from disk, through the kept plan. Knows no stage code and no graph.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DiagnosticError } from '../diagnostic.ts';
import { digestOf } from '../digest.ts';
import type { Json } from '../json.ts';
import { keepPlan, keptPlanFile, readKeptPlan } from './kept-plan.ts';
import { isPlainOverride } from './override.ts';
import type { Pipeline } from './pipeline.ts';
import type { PipelineText } from './pipeline-text.ts';
import { placedValue, withPlaces } from './places.ts';
import { plainPipeline } from './plain-pipeline.ts';
import { shownPath } from './shown-path.ts';
import { loadYaml } from './yaml-library.ts';

/**
 * Reads and validates a pipeline file with `--set` overrides (`path=value`).
 * Throws one DiagnosticError that holds every problem of the file.
 */
export async function loadPipeline(file: string, sets: readonly string[] = []): Promise<Pipeline> {
  const path = resolve(file);
  const root = dirname(path);
  const shown = shownPath(path);
  const bytes = readPipelineFile(path, shown);
  const question = { digest: digestOf(bytes), root, path, shown, sets: [...sets] };
  const keptFile = keptPlanFile(root, 'pipeline', question);
  const kept = readKeptPlan(keptFile);
  const text = { bytes, file: shown, path, root, sets };
  const pipeline = (kept as unknown as Pipeline | undefined) ?? (await parsed(text));
  if (kept === undefined) keepPlan(keptFile, pipeline as unknown as Json);
  return withPlaces(pipeline, () => placedValue(text));
}

async function parsed(text: PipelineText): Promise<Pipeline> {
  if (!text.sets.every(isPlainOverride)) await loadYaml();
  const plain = plainPipeline(text);
  if (plain !== undefined) return plain;
  const [{ parsePipeline }] = await Promise.all([import('./parse.ts'), loadYaml()]);
  return parsePipeline(text);
}

function readPipelineFile(path: string, file: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOENT' && code !== 'EISDIR' && code !== 'ENOTDIR') throw error;
    throw new DiagnosticError([
      {
        code: 'missing-file',
        message: code === 'EISDIR' ? `${file} is a folder.` : `There is no ${file}.`,
        file,
        hint: 'Name a pipeline file, or begin one with `pipe init`.',
      },
    ]);
  }
}
