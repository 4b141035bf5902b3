/** Runs the real command line with something wrong in it: killed at a write, a clock that is off. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Event } from '../../src/pipe/event.ts';
import { type Outcome, outcomeOf, repository } from '../rig/project.ts';

/** `npm run test:faults` tries everything; the ordinary run a slice of it. */
export const isThorough = process.env.PIPE_FAULTS === 'all';

/** All of them, or about `most`, evenly spread. */
export function slice<T>(all: readonly T[], most: number): T[] {
  if (isThorough || all.length <= most) return [...all];
  const step = all.length / most;
  return Array.from({ length: most }, (_, index) => all[Math.floor(index * step)] as T);
}

export interface FaultyOutcome extends Outcome {
  readonly events: readonly Event[];
  readonly ran: readonly string[];
  readonly warnings: readonly string[];
}

const shim = (name: string) => join(repository, 'test', 'faults', 'shims', `${name}.cjs`);

/** `pipe WORDS… ` in `folder`; `environment` is for the shims. */
export async function pipe(
  folder: string,
  words: readonly string[],
  options: { shim?: string; environment?: Readonly<Record<string, string>>; ulimit?: number } = {},
): Promise<FaultyOutcome> {
  const { NODE_EXTRA_CA_CERTS: _certificates, ...inherited } = process.env;
  const node = [process.execPath];
  if (options.shim !== undefined) node.push('--require', shim(options.shim));
  const command = [...node, join(repository, 'bin', 'pipe.cjs'), ...words];
  const limited =
    options.ulimit === undefined
      ? command
      : ['/bin/sh', '-c', `ulimit -n ${options.ulimit}; exec "$@"`, 'sh', ...command];
  const child = spawn(limited[0] as string, limited.slice(1), {
    cwd: folder,
    env: { ...inherited, NO_COLOR: '1', ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome = await outcomeOf(child);
  const events = eventsIn(outcome.stdout);
  return {
    ...outcome,
    events,
    ran: events.flatMap((event) => (event.type === 'taskRan' ? [event.task] : [])),
    warnings: events.flatMap((event) => (event.type === 'warning' ? [event.message] : [])),
  };
}

/** The last line of a killed process may be torn. */
function eventsIn(stdout: string): Event[] {
  return stdout.split('\n').flatMap((line) => {
    try {
      return line.startsWith('{"type"') ? [JSON.parse(line) as Event] : [];
    } catch {
      return [];
    }
  });
}

/** How many changes to the disk the command makes. */
export async function countChanges(folder: string, words: readonly string[]): Promise<number> {
  const file = `${folder}.count`;
  const environment = { PIPE_FAULT_ROOT: folder, PIPE_FAULT_COUNT: file };
  await pipe(folder, words, { shim: 'kill-at', environment });
  const count = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  rmSync(file, { force: true });
  return count;
}

export function killedAt(
  folder: string,
  words: readonly string[],
  at: number,
  mode: 'before' | 'torn',
): Promise<FaultyOutcome> {
  const environment = {
    PIPE_FAULT_ROOT: folder,
    PIPE_FAULT_AT: String(at),
    PIPE_FAULT_MODE: mode,
  };
  return pipe(folder, words, { shim: 'kill-at', environment });
}

/** Relative paths of all files below a folder. */
export function filesBelow(folder: string, prefix = ''): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    return entry.isDirectory() ? filesBelow(folder, name) : [name];
  });
}
