/** Starts `driver.ts` as a process of its own and listens to its events. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Event } from '../../src/pipe/event.ts';
import { bundle, hostBundle, type Project } from '../run/project.ts';

export interface Builder {
  readonly process: ChildProcess;
  readonly events: Event[];
  /** Resolves with the exit code, null after a signal. */
  readonly ended: Promise<number | null>;
}

export function startBuilder(project: Project): Builder {
  const driver = project.path('driver.mjs');
  bundle('test/faults/driver.ts', driver, true);
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME };
  const child = spawn(process.execPath, [driver, project.root, hostBundle()], {
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const events: Event[] = [];
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  lines.on('line', (line) => events.push(JSON.parse(line) as Event));
  const ended = new Promise<number | null>((done) => child.on('close', done));
  return { process: child, events, ended };
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false; // ESRCH: the tests kill nobody else's processes
  }
}
