/**
 * A stage module and what it imports, as one text that changes only when its behaviour may. Loaded
 * only when a stage's files changed: it starts esbuild. Knows no cache and no pipeline.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import {
  type BuildFailure,
  type BuildResult,
  build,
  type Message,
  type Metafile,
  type Plugin,
  transform,
} from 'esbuild';
import { shownPath } from '../config/shown-path.ts';
import { type Diagnostic, DiagnosticError } from '../diagnostic.ts';
import { type Digest, digestOf } from '../digest.ts';
import { EFFECT_MARK, orderImports } from './import-order.ts';
import { withoutDescription } from './stage-words.ts';

export interface Bundle {
  readonly text: string;
  readonly digest: Digest;
  readonly sourceMap: string;
  /** Absolute paths of the project's files that it was made from, those without a trace in it included. */
  readonly files: readonly string[];
  /** Names of the packages that it imports. */
  readonly packages: readonly string[];
  /** The stage's description, where it could be left out of the text. */
  readonly description?: string;
}

export interface BundleOptions {
  readonly root: string;
  /** Stage modules relative to the root. */
  readonly modules: readonly string[];
  /** Where the bundles will lie: source maps count their paths from here. */
  readonly folder: string;
}

/** Bundles each module by itself, in one call of esbuild. Throws a DiagnosticError that holds all build errors. */
export async function bundleModules(options: BundleOptions): Promise<ReadonlyMap<string, Bundle>> {
  const result = await buildAll(options);
  const bundles = await Promise.all(
    options.modules.map(async (module, index): Promise<[string, Bundle]> => {
      const out = join(options.folder, `${index}.mjs`);
      const [path, output] = outputAt(result.metafile, out, options.root);
      const { text, description } = withoutDescription(outputText(result, out));
      const { code, map } = await minify(text, path);
      return [
        module,
        {
          text: code,
          digest: digestOf(code),
          sourceMap: map,
          files: inputFiles(result.metafile, output.entryPoint!, options.root),
          packages: packagesOf(output),
          ...(description === undefined ? {} : { description }),
        },
      ];
    }),
  );
  return new Map(bundles);
}

/**
 * A step of its own, after the unused code is gone: esbuild inlines a module's leading constants as
 * it parses, and would do so or not depending on the unused code that stands before them.
 */
function minify(bundled: string, path: string) {
  return transform(bundled, {
    loader: 'js',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minifyWhitespace: true,
    minifySyntax: true,
    // Short names are dealt out by frequency: one edit would rename everything.
    minifyIdentifiers: false,
    charset: 'utf8',
    legalComments: 'none',
    sourcemap: 'external',
    sourcesContent: false,
    sourcefile: path,
    logLevel: 'silent',
    tsconfigRaw: {},
  });
}

type Built = BuildResult<{ metafile: true; write: false }>;

async function buildAll({ root, modules, folder }: BundleOptions): Promise<Built> {
  try {
    return await build({
      absWorkingDir: root,
      entryPoints: modules.map((module, index) => ({
        in: resolve(root, module),
        out: String(index),
      })),
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      treeShaking: true,
      charset: 'utf8',
      legalComments: 'none',
      sourcemap: 'inline',
      sourcesContent: false,
      logLevel: 'silent',
      // The project's own tsconfig must not reach the digest.
      tsconfigRaw: { compilerOptions: { target: 'ES2023', useDefineForClassFields: true } },
      plugins: [canonicalSource],
    });
  } catch (error) {
    const failure = error as BuildFailure;
    if (!Array.isArray(failure.errors)) throw error;
    throw new DiagnosticError(failure.errors.map((message) => diagnosticOf(message, root)));
  }
}

const canonicalSource: Plugin = {
  name: 'canonical-source',
  setup({ onLoad, onResolve }) {
    onLoad({ filter: /\.[cm]?[jt]s$/, namespace: 'file' }, async ({ path }) => ({
      contents: orderImports(await readFile(path, 'utf8')),
      loader: /\.[cm]?ts$/.test(path) ? 'ts' : 'js',
    }));
    // Packages stay outside. An import whose names all fall away must not leave a trace of itself;
    // one that was written for its effect must.
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind === 'entry-point') return undefined;
      return path.startsWith(EFFECT_MARK)
        ? { path: path.slice(EFFECT_MARK.length), external: true, sideEffects: true }
        : { path, external: true, sideEffects: false };
    });
  },
};

function outputAt(
  metafile: Metafile,
  out: string,
  root: string,
): [string, Metafile['outputs'][string]] {
  const found = Object.entries(metafile.outputs).find(([path]) => resolve(root, path) === out);
  if (found === undefined) throw new Error(`esbuild made no ${out}`);
  return found;
}

function outputText(result: Built, path: string): string {
  const file = result.outputFiles.find((output) => output.path === path);
  if (file === undefined) throw new Error(`esbuild made no ${path}`);
  return file.text;
}

function inputFiles(metafile: Metafile, entry: string, root: string): string[] {
  const files = new Set<string>();
  const pending = [entry];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const input = metafile.inputs[path];
    if (input === undefined || files.has(path)) continue;
    files.add(path);
    for (const { path: imported, external } of input.imports) if (!external) pending.push(imported);
  }
  return [...files].sort().map((path) => resolve(root, path));
}

function packagesOf(output: Metafile['outputs'][string]): string[] {
  const names = output.imports
    .filter(({ external }) => external)
    .map(({ path }) => packageName(path));
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

/** `@scope/name` of `@scope/name/sub/path`; undefined for Node's own modules. */
function packageName(specifier: string): string | undefined {
  if (specifier.startsWith('node:')) return undefined;
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0];
}

function diagnosticOf({ text, location, notes }: Message, root: string): Diagnostic {
  const hint = notes.map((note) => note.text).find((note) => note !== '');
  if (location === null) return { code: 'stage-build', message: text, ...(hint ? { hint } : {}) };
  // esbuild counts columns in UTF-8 bytes.
  const before = Buffer.from(location.lineText).subarray(0, location.column).toString();
  const column = before.length + 1;
  return {
    code: 'stage-build',
    message: text,
    file: shownPath(resolve(root, location.file)),
    range: { line: location.line, column, endColumn: column + Math.max(1, location.length) },
    ...(hint === undefined ? {} : { hint }),
  };
}
