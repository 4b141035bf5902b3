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
const words = process.argv.slice(2);
const seen = await firstLook();
if (seen !== true) {
  const rebuilt = isStale();
  if (rebuilt) {
    const { buildAll } = await import(pathToFileURL(join(root, 'build.mjs')).href);
    await buildAll();
  }
  const { start } = await import(pathToFileURL(join(root, 'dist', 'pipe.mjs')).href);
  // What the old program saw is nothing to the new one.
  await start(words, rebuilt ? undefined : seen);
}

/** Answers by itself what was asked before, if nothing changed: not even this program. */
async function firstLook() {
  const file = join(root, 'dist', 'answer.mjs');
  if (words[0] !== 'run' || !existsSync(file)) return undefined;
  const { answer } = await import(pathToFileURL(file).href);
  return answer(words);
}

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
