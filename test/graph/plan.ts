/** A graph from pipeline text and hand-made declarations: no bundler, no child process. */
import { join } from 'node:path';
import { loadPipeline } from '../../src/pipe/config/load.ts';
import { digestOf } from '../../src/pipe/digest.ts';
import type { StageCode } from '../../src/pipe/fingerprint/stage-code.ts';
import { buildGraph } from '../../src/pipe/graph/build.ts';
import type { TaskGraph } from '../../src/pipe/graph/task.ts';
import type { JsonObject } from '../../src/pipe/json.ts';
import type { InputDeclaration, OutputDeclaration } from '../../src/pipe/stage.ts';
import { dedent, type Files, printedProblems, projectFolder } from '../config/project-folder.ts';

export interface Declared {
  readonly params?: JsonObject;
  readonly inputs?: { readonly [name: string]: InputDeclaration };
  readonly outputs?: { readonly [name: string]: OutputDeclaration };
}
/** By `use`. */
export type Declarations = { readonly [use: string]: Declared };

export async function plan(
  yaml: string,
  declarations: Declarations = {},
  files: Files = {},
): Promise<TaskGraph> {
  const root = projectFolder({ ...files, 'pipeline.yaml': dedent(yaml) });
  const pipeline = await loadPipeline(join(root, 'pipeline.yaml'));
  return buildGraph(pipeline, codeOf(declarations));
}

export function problemsOf(
  yaml: string,
  declarations: Declarations = {},
  files: Files = {},
): Promise<string> {
  return printedProblems(dedent(yaml), () => plan(yaml, declarations, files));
}

export function codeOf(declarations: Declarations): Map<string, StageCode> {
  const entries = Object.entries(declarations).map(([use, declared]): [string, StageCode] => [
    use,
    {
      use,
      code: { kind: 'module', bundle: digestOf(use), packages: {} },
      bundle: `/cache/code/${use}`,
      declaration: {
        description: use,
        params: declared.params ?? { type: 'object', properties: {} },
        inputs: declared.inputs ?? {},
        outputs: declared.outputs ?? { out: { path: 'out.txt' } },
      },
    },
  ]);
  return new Map(entries);
}
