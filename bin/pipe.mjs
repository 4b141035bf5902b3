#!/usr/bin/env node
// Starts the bundled command line, and bundles it anew where a working copy's sources changed.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`pipe needs Node 20.19 or newer; this is Node ${process.versions.node}.`);
  process.exit(2);
}
if (isStale()) {
  const { buildAll } = await import(pathToFileURL(join(root, 'build.mjs')).href);
  await buildAll();
}
await import(pathToFileURL(join(root, 'dist', 'pipe.mjs')).href);

function isStale() {
  const stampFile = join(root, 'dist', 'stamp.json');
  if (!existsSync(stampFile)) return true;
  // An installed package keeps the dist/ that was published with it.
  if (basename(dirname(root)) === 'node_modules') return false;
  return JSON.parse(readFileSync(stampFile, 'utf8')).some(({ path, size, mtimeMs }) => {
    const stat = statSync(join(root, path), { throwIfNoEntry: false });
    return stat?.size !== size || stat?.mtimeMs !== mtimeMs;
  });
}
