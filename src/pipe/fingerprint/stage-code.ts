/**
 * The code of all stages of a pipeline: bundles, their digests, what they declare. Remembers which
 * files made which bundle, so that unchanged stages start neither esbuild nor a child process.
 * Knows no graph.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { nearestName } from '../config/nearest-name.ts';
import type { Pipeline } from '../config/pipeline.ts';
import { shownPath } from '../config/shown-path.ts';
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import { type Digest, digestOf, isDigest } from '../digest.ts';
import { writeAtomic } from '../store/atomic-file.ts';
import type { Bundle } from './bundle.ts';
import type { StageDescription } from './describe.ts';
import { describeStages } from './description.ts';
import type { CodeFingerprint } from './document.ts';
import {
  isCurrent,
  isSettled,
  type Remembered,
  readManifest,
  statMark,
  writeManifest,
} from './manifest.ts';
import { findLockfile, packageVersions } from './package-version.ts';

export type { StageDescription } from './describe.ts';

export interface StageCode {
  /** The stage module as `pipeline.yaml` names it. */
  readonly use: string;
  readonly code: CodeFingerprint;
  /** Absolute path of the module to run, inside `<cache>/code`. */
  readonly bundle: string;
  readonly declaration: StageDescription;
}

/**
 * Code of every stage module, by its `use`. `cacheFolder` must lie in the project, so that bundles
 * find its packages. Throws a DiagnosticError that holds all build and declaration errors.
 */
export async function loadStageCode(
  pipeline: Pipeline,
  cacheFolder: string,
): Promise<ReadonlyMap<string, StageCode>> {
  const folder = resolve(cacheFolder, 'code');
  const modules = modulesOf(pipeline);
  const manifest = readManifest(folder);
  const known = new Map<string, Remembered>();
  for (const use of modules.keys()) {
    const remembered = manifest.modules[resolve(pipeline.root, use)];
    if (remembered && isCurrent(remembered) && isIntact(folder, remembered.digest)) {
      known.set(use, remembered);
    }
  }
  const stale = [...modules.keys()].filter((use) => !known.has(use));
  if (stale.length > 0) await rebundle(pipeline, folder, stale, modules, known);
  return describeAll(pipeline.root, folder, known);
}

/** The modules, each with the first stage that uses it. */
function modulesOf(pipeline: Pipeline): Map<string, string> {
  const modules = new Map<string, string>();
  for (const { name, body } of pipeline.stages) {
    if (body.kind === 'module' && !modules.has(body.use)) modules.set(body.use, name);
  }
  return modules;
}

function bundleFile(folder: string, digest: Digest): string {
  return join(folder, `${digest}.mjs`);
}

const mapComment = (digest: Digest) => `\n//# sourceMappingURL=${digest}.mjs.map\n`;

function isIntact(folder: string, digest: Digest): boolean {
  const file = bundleFile(folder, digest);
  if (!isDigest(digest) || !existsSync(file)) return false;
  const text = readFileSync(file, 'utf8');
  const comment = mapComment(digest);
  return text.endsWith(comment) && digestOf(text.slice(0, -comment.length)) === digest;
}

// --- Bundling ---

async function rebundle(
  pipeline: Pipeline,
  folder: string,
  stale: readonly string[],
  modules: ReturnType<typeof modulesOf>,
  known: Map<string, Remembered>,
): Promise<void> {
  const missing = stale.flatMap((use) => missingModule(pipeline, use, modules.get(use)!));
  const present = stale.filter((use) => existsSync(resolve(pipeline.root, use)));
  const startedAt = Date.now();
  const bundles = await bundlePresent(pipeline.root, folder, present, missing);
  const fresh: { [path: string]: Remembered } = {};
  for (const [use, bundle] of bundles) {
    writeAtomic(bundleFile(folder, bundle.digest), bundle.text + mapComment(bundle.digest));
    writeAtomic(`${bundleFile(folder, bundle.digest)}.map`, bundle.sourceMap);
    const remembered = rememberedOf(bundle, pipeline.root);
    known.set(use, remembered);
    // A file written while we bundled may have changed after esbuild read it: look again next time.
    if (isSettled(remembered, startedAt)) fresh[resolve(pipeline.root, use)] = remembered;
  }
  writeManifest(folder, { ...readManifest(folder).modules, ...fresh });
}

async function bundlePresent(
  root: string,
  folder: string,
  present: readonly string[],
  missing: readonly Diagnostic[],
): Promise<ReadonlyMap<string, Bundle>> {
  const { bundleModules } = await import('./bundle.ts');
  try {
    const bundles = await bundleModules({ root, modules: present, folder });
    if (missing.length > 0) throw new DiagnosticError([]);
    return bundles;
  } catch (error) {
    if (!(error instanceof DiagnosticError)) throw error;
    throw new DiagnosticError([...missing, ...error.diagnostics]);
  }
}

function rememberedOf(bundle: Bundle, root: string): Remembered {
  const lockfile = findLockfile(root);
  const files = [
    ...bundle.files,
    join(root, 'package.json'),
    lockfile ?? join(root, 'package-lock.json'),
  ];
  return {
    digest: bundle.digest,
    packages: packageVersions(bundle.packages, root),
    files: Object.fromEntries(files.map((path) => [path, statMark(path)])),
    ...(bundle.description === undefined ? {} : { description: bundle.description }),
  };
}

function missingModule(pipeline: Pipeline, use: string, stage: string): Diagnostic[] {
  const path = resolve(pipeline.root, use);
  if (existsSync(path)) return [];
  const folder = dirname(path);
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const nearest = nearestName(basename(path), names);
  const place = pipeline.stages.find(({ name }) => name === stage)?.places?.of('use');
  return [
    {
      code: 'missing-file',
      message: `The stage "${stage}" uses ${use}, which does not exist.`,
      file: place?.file ?? shownPath(pipeline.file),
      // What `--set` named has a place, but none in the file.
      range: place?.range ?? { line: 1, column: 1, endColumn: 2 },
      ...(nearest === undefined
        ? {}
        : { hint: `Did you mean "${relative(pipeline.root, join(folder, nearest))}"?` }),
    },
  ];
}

// --- Describing ---

async function describeAll(
  root: string,
  folder: string,
  known: ReadonlyMap<string, Remembered>,
): Promise<ReadonlyMap<string, StageCode>> {
  const descriptions = await describeStages(root, folder, known);
  return new Map(
    [...known].map(([use, { digest, packages, description }]) => {
      const declared = descriptions.get(digest)!;
      return [
        use,
        {
          use,
          code: { kind: 'module', bundle: digest, packages },
          bundle: bundleFile(folder, digest),
          declaration: description === undefined ? declared : { ...declared, description },
        },
      ];
    }),
  );
}
