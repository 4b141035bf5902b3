/**
 * Tells an input source that names an upstream output (`STAGE.OUTPUT`) from one that names files.
 */

const OUTPUT_REFERENCE = /^([A-Za-z_][\w-]*)\.([A-Za-z_][\w-]*)$/;

/** A known stage's name wins over a file of the same name, which can be written `./name.ext`. */
export function stageOfSource(
  source: string,
  stages: ReadonlyMap<string, unknown>,
): string | undefined {
  const stage = OUTPUT_REFERENCE.exec(source)?.[1];
  return stage !== undefined && stages.has(stage) ? stage : undefined;
}

/** `[stage, output]` of anything that is written like one. */
export function splitReference(source: string): readonly [string, string] | undefined {
  const match = OUTPUT_REFERENCE.exec(source);
  return match ? [match[1]!, match[2]!] : undefined;
}
