/**
 * Preloaded into `pipe` (`node --require`): counts what it changes on the disk under PIPE_FAULT_ROOT
 * and kills the process, as `kill -9` would, in front of the n-th change. With PIPE_FAULT_MODE=torn
 * a write is half done first. The number of changes is left in PIPE_FAULT_COUNT at a normal end.
 */
const fs = require('node:fs');
const { syncBuiltinESMExports } = require('node:module');
const { resolve, sep } = require('node:path');

const root = process.env.PIPE_FAULT_ROOT;
const killAt = Number(process.env.PIPE_FAULT_AT ?? 0);
const torn = process.env.PIPE_FAULT_MODE === 'torn';
const countFile = process.env.PIPE_FAULT_COUNT;
// Processes that this one starts are not to be killed at changes of their own.
delete process.env.PIPE_FAULT_ROOT;

if (root !== undefined) arm();

function arm() {
  const real = { ...fs };
  const files = new Map();
  let count = 0;
  const concerns = (path) => {
    if (typeof path !== 'string') return false;
    return resolve(path).startsWith(root + sep);
  };
  const die = () => process.kill(process.pid, 'SIGKILL');
  const step = (half) => {
    count += 1;
    if (count !== killAt) return;
    if (torn) half?.();
    die();
    for (;;); // the signal is on its way
  };
  const byPath = (name, which = 0) => {
    fs[name] = (...args) => {
      if (concerns(args[which])) step();
      return real[name](...args);
    };
  };
  for (const name of ['mkdirSync', 'rmSync', 'unlinkSync', 'chmodSync', 'utimesSync']) byPath(name);
  for (const name of ['truncateSync', 'rmdirSync']) byPath(name);
  for (const name of ['renameSync', 'linkSync', 'symlinkSync', 'copyFileSync']) byPath(name, 1);
  fs.openSync = (path, flags, ...rest) => {
    const writes = typeof flags === 'number' ? (flags & 3) !== 0 : /[wa+]/.test(flags ?? 'r');
    if (writes && concerns(path)) step();
    const file = real.openSync(path, flags, ...rest);
    if (writes && concerns(path)) files.set(file, path);
    else files.delete(file);
    return file;
  };
  fs.writeSync = (file, bytes, ...rest) => {
    if (files.has(file)) step(() => real.writeSync(file, halfOf(bytes)));
    return real.writeSync(file, bytes, ...rest);
  };
  fs.fsyncSync = (file) => {
    step();
    return real.fsyncSync(file);
  };
  for (const name of ['writeFileSync', 'appendFileSync']) {
    fs[name] = (path, bytes, ...rest) => {
      if (concerns(path)) step(() => real[name](path, halfOf(bytes), ...rest));
      return real[name](path, bytes, ...rest);
    };
  }
  process.on('exit', () => {
    if (countFile !== undefined) real.writeFileSync(countFile, String(count));
  });
  syncBuiltinESMExports();
}

function halfOf(bytes) {
  const whole = Buffer.from(bytes);
  return whole.subarray(0, Math.floor(whole.length / 2));
}
