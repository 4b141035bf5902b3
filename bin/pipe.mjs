#!/usr/bin/env node
// Starts the bundled command line, and bundles it anew where a working copy's sources changed.
import { existsSync, fstatSync, readFileSync, statSync } from 'node:fs';
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
  // Where the plan is what it was, so is this program: its sources were looked at with the rest.
  const rebuilt = seen?.samePlan !== true && isStale();
  if (rebuilt) {
    const { buildAll } = await import(pathToFileURL(join(root, 'build.mjs')).href);
    await buildAll();
  }
  // What the old program saw is nothing to the new one.
  await startWith(rebuilt ? undefined : seen);
}

/** The small program runs tasks whose plan is known, and talks to no terminal. */
async function startWith(inspection) {
  if (inspection?.samePlan === true && !fstatSync(2).isCharacterDevice()) {
    try {
      return await (await load('rerun')).start(words, inspection);
    } catch (error) {
      if (error.code !== 'ERR_LEFT_OUT') throw error;
    }
  }
  return (await load('pipe')).start(words, inspection);
}

function load(name) {
  return import(pathToFileURL(join(root, 'dist', `${name}.mjs`)).href);
}

/** Answers by itself what was asked before, if nothing changed: not even this program. */
async function firstLook() {
  const file = join(root, 'dist', 'answer.mjs');
  if (words[0] !== 'run' || !existsSync(file)) return undefined;
  return (await load('answer')).answer(words);
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
