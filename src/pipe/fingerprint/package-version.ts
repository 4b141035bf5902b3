/**
 * The versions of the packages that a stage can run, from the lockfile: what is written there is
 * the same on every machine, whether or not an optional package could be installed. Runs no npm.
 */
import { existsSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { shownPath } from '../config/shown-path.ts';
import { DiagnosticError } from '../diagnostic.ts';

interface Manifest {
  readonly version?: string;
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: { readonly [name: string]: string };
  readonly optionalDependencies?: { readonly [name: string]: string };
  readonly peerDependencies?: { readonly [name: string]: string };
}

/** Finds a package as Node would from a folder; `at` is the folder its own dependencies are found from. */
interface PackageSource {
  find(
    name: string,
    from: string,
  ): { readonly at: string; readonly manifest: Manifest } | undefined;
}

/** The nearest package-lock.json at or above a folder. */
export function findLockfile(root: string): string | undefined {
  const file = join(root, 'package-lock.json');
  if (existsSync(file)) return file;
  const parent = dirname(root);
  return parent === root ? undefined : findLockfile(parent);
}

/**
 * Name → version of `names` and of everything they need at run time, in code-unit order. Several
 * versions of one package are joined; `absent` is neither in the lockfile nor installed.
 */
export function packageVersions(
  names: readonly string[],
  root: string,
): { readonly [name: string]: string } {
  const lockfile = findLockfile(root);
  const installed = installedPackages();
  const sources = lockfile === undefined ? [installed] : [lockedPackages(lockfile), installed];
  const found = new Map<string, Set<string>>();
  const seen = new Set<string>();
  const visit = (name: string, from: string, isRequired: boolean): void => {
    // Types are never run.
    if (builtinModules.includes(name) || name.startsWith('@types/')) return;
    const match = sources.map((source) => source.find(name, from)).find((item) => item);
    if (match === undefined) {
      if (isRequired) versionsOf(found, name).add('absent');
      return;
    }
    versionsOf(found, name).add(match.manifest.version ?? match.manifest.resolved ?? 'unversioned');
    if (seen.has(match.at)) return;
    seen.add(match.at);
    for (const needed of dependenciesOf(match.manifest)) visit(needed, match.at, false);
  };
  for (const name of names) visit(name, root, true);
  const entries = [...found].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([name, versions]) => [name, [...versions].sort().join(', ')]),
  );
}

function versionsOf(found: Map<string, Set<string>>, name: string): Set<string> {
  const versions = found.get(name) ?? new Set<string>();
  found.set(name, versions);
  return versions;
}

/** Peers count: a backend's version is not the whole story without that of the core it plugs into. */
function dependenciesOf(manifest: Manifest): string[] {
  return Object.keys({
    ...manifest.dependencies,
    ...manifest.optionalDependencies,
    ...manifest.peerDependencies,
  });
}

function lockedPackages(lockfile: string): PackageSource {
  const lock = readLock(lockfile);
  const packages = lock.packages ?? {};
  const base = dirname(lockfile);
  return {
    find(name, from) {
      for (const folder of ancestors(from)) {
        const location = relative(base, join(folder, 'node_modules', name))
          .split(sep)
          .join('/');
        const manifest = packages[location];
        if (manifest?.link)
          return {
            at: join(base, manifest.resolved!),
            manifest: packages[manifest.resolved!] ?? manifest,
          };
        if (manifest) return { at: join(folder, 'node_modules', name), manifest };
        if (folder === base) return undefined;
      }
      return undefined;
    },
  };
}

function readLock(lockfile: string): {
  readonly packages?: { readonly [location: string]: Manifest };
} {
  try {
    return JSON.parse(readFileSync(lockfile, 'utf8'));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new DiagnosticError([
      {
        code: 'bad-lockfile',
        message: `package-lock.json is no JSON: ${error.message}.`,
        file: shownPath(lockfile),
        hint: 'Make it anew: npm install --package-lock-only.',
      },
    ]);
  }
}

function installedPackages(): PackageSource {
  return {
    find(name, from) {
      for (const folder of ancestors(from)) {
        const at = join(folder, 'node_modules', name);
        const file = join(at, 'package.json');
        if (existsSync(file))
          return { at, manifest: JSON.parse(readFileSync(file, 'utf8')) as Manifest };
      }
      return undefined;
    },
  };
}

function ancestors(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...ancestors(parent)];
}
