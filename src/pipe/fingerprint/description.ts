/**
 * What stages declare, asked of their bundles once and kept beside them. Knows no bundler.
 */
import { join, resolve } from 'node:path';
import { shownPath } from '../config/shown-path.ts';
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import type { Digest } from '../digest.ts';
import { canonicalJson } from '../json.ts';
import { readChecked, writeChecked } from '../store/checked-file.ts';
import { checkDeclaration } from './declaration.ts';
import type { Described, StageDescription } from './describe.ts';
import type { Remembered } from './manifest.ts';

interface KeptDescription {
  /** A schema is written by a package: another version may write another. */
  readonly packages: Remembered['packages'];
  readonly declaration: StageDescription;
}

/** By bundle digest. Throws a DiagnosticError that holds all faulty declarations. */
export async function describeStages(
  root: string,
  folder: string,
  stages: ReadonlyMap<string, Remembered>,
): Promise<ReadonlyMap<Digest, StageDescription>> {
  const found = new Map<Digest, StageDescription>();
  const asked = new Map<Digest, string>();
  for (const [use, { digest, packages }] of stages) {
    const kept = readChecked(descriptionFile(folder, digest)) as KeptDescription | undefined;
    const isCurrent = kept && canonicalJson(kept.packages) === canonicalJson(packages);
    if (isCurrent) found.set(digest, kept.declaration);
    else asked.set(digest, use);
  }
  if (asked.size === 0) return found;
  const { describeBundles } = await import('./describe.ts');
  const digests = [...asked.keys()];
  const bundles = digests.map((digest) => join(folder, `${digest}.mjs`));
  const described = await describeBundles(bundles, root);
  const problems = digests.flatMap((digest, index) => {
    const use = asked.get(digest)!;
    const declaration = readDescribed(described[index]!, use, root);
    if (Array.isArray(declaration)) return declaration;
    const kept: KeptDescription = { packages: stages.get(use)!.packages, declaration };
    writeChecked(descriptionFile(folder, digest), kept);
    found.set(digest, declaration);
    return [];
  });
  if (problems.length > 0) throw new DiagnosticError(problems);
  return found;
}

function descriptionFile(folder: string, digest: Digest): string {
  return join(folder, `${digest}.json`);
}

function readDescribed(
  described: Described,
  use: string,
  root: string,
): StageDescription | Diagnostic[] {
  switch (described.kind) {
    case 'declared':
      return checkDeclaration(described.declaration, use, shownPath(resolve(root, use)));
    case 'no-default':
      return [
        {
          code: 'no-default-export',
          message: `${use} exports no stage.`,
          file: shownPath(resolve(root, use)),
          hint: 'Write `export default defineStage({ … })`.',
        },
      ];
    case 'threw':
      return [importFailure(described, use, root)];
  }
}

function importFailure(
  { message, stack }: { readonly message: string; readonly stack: string },
  use: string,
  root: string,
): Diagnostic {
  const missing = /Cannot find package '([^']+)'/.exec(message)?.[1];
  const place = /(?:\(|at |file:\/\/)(\/[^()\n]+?\.[cm]?ts):(\d+):(\d+)/.exec(stack);
  return {
    code: 'stage-import',
    message:
      missing === undefined
        ? `${use} threw while it was imported: ${message}`
        : `${use} imports the package "${missing}", which is not installed.`,
    file: shownPath(place ? place[1]! : resolve(root, use)),
    ...(place && {
      range: { line: Number(place[2]), column: Number(place[3]), endColumn: Number(place[3]) + 1 },
    }),
    hint:
      missing === undefined
        ? 'Code at the top level of a stage runs before any task: move it into run().'
        : `Install it: npm install ${missing}`,
  };
}
