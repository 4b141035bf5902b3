/**
 * Plays the shell inside the test's own process, so that thousands of cases are affordable: it reads
 * the first line of a command (`: KIND PARAM CELL OUT IN…`), which real shells skip, and does what
 * the lines below it say.
 */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ProcessEnd, ProcessSpec } from '../../src/pipe/run/task-process.ts';
import { MODULUS } from './world.ts';

const USAGE = { cpuMs: 0, peakRssBytes: 0 };
const end = (more: Partial<ProcessEnd>): ProcessEnd => ({
  exitCode: 0,
  signal: null,
  killed: undefined,
  memoryKills: false,
  usage: USAGE,
  ...more,
});

export async function playShell(spec: ProcessSpec): Promise<ProcessEnd> {
  spec.onStart(process.pid);
  await new Promise((done) => setImmediate(done));
  if (spec.signal.aborted) return end({ exitCode: null, signal: 'SIGTERM', killed: 'cancelled' });
  if (failOnce(spec.environment.HOME ?? '')) return end({ exitCode: 1 });
  const command = 'command' in spec ? spec.command : '';
  const words = (/^.*?(: [a-z]+ .*)$/m.exec(command)?.[1] ?? '').split(' ').slice(1);
  const [kind = '', param, cell, out = '', ...inputs] = words.map(unquoted);
  const at = (path: string) => join(spec.folder, path);
  const read = inputs.map((path) => Number(readFileSync(numberFile(at(path)), 'utf8')));
  const sum = [Number(param), Number(cell), ...read].reduce((a, b) => a + b, 0);
  const value = kind === 'constant' ? 4 : sum % MODULUS;
  if (kind === 'folder') writeFileSync(at(join(out, 'k')), 'k\n');
  writeFileSync(kind === 'folder' ? at(join(out, 'v')) : at(out), `${value}\n`);
  return end({});
}

function failOnce(home: string): boolean {
  try {
    rmSync(join(home, 'fail'));
    return true;
  } catch {
    return false; // nobody asked for a failure
  }
}

const numberFile = (path: string) => (statSync(path).isDirectory() ? join(path, 'v') : path);
const unquoted = (word: string) => word.replace(/^'(.*)'$/, '$1');
