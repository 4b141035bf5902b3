/** A project folder whose stages can be bundled: it sees this project's packages and lockfile. */
import { copyFileSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadPipeline } from '../../src/pipe/config/load.ts';
import { loadStageCode, type StageCode } from '../../src/pipe/fingerprint/stage-code.ts';
import { type Files, projectFolder } from '../config/project-folder.ts';

const HERE = resolve(import.meta.dirname, '../..');
export const STAGE_MODULE = join(HERE, 'src/pipe/stage.ts');

export function stageProject(files: Files): string {
  const root = projectFolder(files);
  symlinkSync(join(HERE, 'node_modules'), join(root, 'node_modules'));
  copyFileSync(join(HERE, 'package-lock.json'), join(root, 'package-lock.json'));
  return root;
}

/** Text of a stage module; `body` runs, `more` replaces parts of the declaration. */
export function stageText(
  body = '',
  more = "params: Type.Object({}), inputs: {}, outputs: { out: { path: 'out.txt' } }",
): string {
  return `import { defineStage, Type } from '${STAGE_MODULE}';
export default defineStage({ description: 'a test stage', ${more}, run() { ${body} } });
`;
}

export async function loadCode(root: string): Promise<ReadonlyMap<string, StageCode>> {
  const pipeline = await loadPipeline(join(root, 'pipeline.yaml'));
  return loadStageCode(pipeline, join(root, 'cache'));
}

/** Digest of the bundle of each stage module. */
export async function digestsOf(root: string): Promise<{ [use: string]: string }> {
  const code = await loadCode(root);
  return Object.fromEntries(
    [...code].map(([use, { code: fingerprint }]) => [
      use,
      fingerprint.kind === 'module' ? fingerprint.bundle : '',
    ]),
  );
}
