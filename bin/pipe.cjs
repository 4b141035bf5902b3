#!/usr/bin/env node
// Starts the bundled command line, and bundles it anew where a working copy's sources changed.
// CommonJS: most runs change nothing, and Node's loader of modules would take longer than the look.
const { existsSync, readFileSync, statSync, writeFileSync } = require('node:fs');
const { basename, dirname, join } = require('node:path');

const root = dirname(__dirname);
const words = process.argv.slice(2);

function main() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`pipe needs Node 20.19 or newer; this is Node ${process.versions.node}.`);
    process.exit(2);
  }
  const seen = firstLook();
  if (seen !== true) return goOn(seen);
}

async function goOn(seen) {
  // Where the plan is what it was, so is this program: its sources were looked at with the rest.
  const rebuilt = seen?.samePlan !== true && isStale();
  if (rebuilt) await (await importFrom('build.mjs')).buildAll();
  // What the old program saw is nothing to the new one.
  await startWith(rebuilt ? undefined : seen);
}

/** The small programs run tasks, the one with a plan that is known. */
async function startWith(inspection) {
  const isKnown = inspection?.samePlan === true;
  // Before anything is loaded: V8 takes no code that it compiled under other flags.
  if (!isKnown) adviseV8();
  if (words[0] === 'run') {
    try {
      return await startSmall(isKnown ? 'rerun.cjs' : 'run.cjs', inspection);
    } catch (error) {
      if (error.code !== 'ERR_LEFT_OUT') throw error;
    }
  }
  if (isKnown) adviseV8();
  return (await importFrom('dist/pipe.mjs')).start(words, inspection);
}

/**
 * A run is over in seconds: V8 had better optimise only what runs for long, and not begin with a heap
 * that must be cleared every few milliseconds. A fifth of the processor time of a thousand short tasks.
 */
function adviseV8() {
  const { setFlagsFromString } = require('node:v8');
  setFlagsFromString('--semi-space-growth-factor=16');
  setFlagsFromString('--always-sparkplug');
  // Later versions count calls instead.
  if (process.versions.node.startsWith('20.')) setFlagsFromString('--interrupt-budget=1000000');
}

async function startSmall(name, inspection) {
  const { loadCompiled, compiledPath } = require('../dist/answer.cjs');
  const file = join(root, 'dist', name);
  const { exports: program, toKeep } = loadCompiled(file);
  await program.start(words, inspection);
  // Asked for by build.mjs, which runs the program once for it.
  if (process.env.PIPE_KEEP_COMPILED === '1') writeFileSync(compiledPath(file), toKeep());
}

function importFrom(path) {
  return import(require('node:url').pathToFileURL(join(root, path)).href);
}

/** Answers by itself what was asked before, if nothing changed: not even this program. */
function firstLook() {
  if (words[0] !== 'run' || !existsSync(join(root, 'dist', 'answer.cjs'))) return undefined;
  return require('../dist/answer.cjs').answer(words);
}

function isStale() {
  const stampFile = join(root, 'dist', 'stamp.json');
  if (!existsSync(stampFile)) return true;
  // An installed package keeps the dist/ that was published with it.
  if (basename(dirname(root)) === 'node_modules') return false;
  return JSON.parse(readFileSync(stampFile, 'utf8')).some(({ path, size, mtimeMs }) => {
    const stat = statSync(`${root}/${path}`, { throwIfNoEntry: false });
    return stat?.size !== size || stat?.mtimeMs !== mtimeMs;
  });
}

main();
