/**
 * What of a broken pipeline file can still be looked at: so that circles and missing files are told
 * together with unknown keys, and not one after the other. Knows no graph.
 */
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { Pipeline } from './pipeline.ts';

/** The problems of the text; `sound` holds the stages that are right and read no broken one. */
export class PartialPlanError extends DiagnosticError {
  readonly sound: Pipeline | undefined;
  constructor(diagnostics: readonly Diagnostic[], sound: Pipeline | undefined) {
    super(diagnostics);
    this.sound = sound;
  }
}

/** By stage, the names in front of the first dot of its inputs: stages, where there are such. */
export type Readings = ReadonlyMap<string, readonly string[]>;

/** Those that are not broken and read, over however many, nothing that is. */
export function soundStages(readings: Readings, broken: ReadonlySet<string>): string[] {
  const lost = new Set(broken);
  for (let before = -1; before !== lost.size; ) {
    before = lost.size;
    for (const [name, reads] of readings) if (reads.some((each) => lost.has(each))) lost.add(name);
  }
  return [...readings.keys()].filter((name) => !lost.has(name));
}

/**
 * What comes after the text (`next`), or every problem of both: where the text is wrong, what is sound
 * of it goes on alone to find more.
 */
export async function withAllProblems<T>(
  load: () => Promise<Pipeline>,
  next: (pipeline: Pipeline) => Promise<T>,
): Promise<T> {
  let pipeline: Pipeline;
  try {
    pipeline = await load();
  } catch (error) {
    if (!(error instanceof PartialPlanError) || error.sound === undefined) throw error;
    const more = await problemsOf(error.sound, next);
    throw new DiagnosticError(inFileOrder([...error.diagnostics, ...more]));
  }
  return next(pipeline);
}

async function problemsOf(
  pipeline: Pipeline,
  next: (pipeline: Pipeline) => Promise<unknown>,
): Promise<readonly Diagnostic[]> {
  try {
    await next(pipeline);
    return [];
  } catch (error) {
    if (error instanceof DiagnosticError) return error.diagnostics;
    throw error;
  }
}

export function inFileOrder(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const line = (item: Diagnostic) => item.range?.line ?? 0;
  const column = (item: Diagnostic) => item.range?.column ?? 0;
  return [...diagnostics].sort((a, b) => line(a) - line(b) || column(a) - column(b));
}
