/**
 * Names a process so that another one can tell whether it still lives: pid and start time (pids are
 * used again), and the host they count on. Containers of one machine may share its name but not its
 * pids, so each counts as a host of its own. Knows no lock.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface ProcessIdentity {
  readonly pid: number;
  /** Opaque; equal for as long as the process lives. Empty where the system does not tell. */
  readonly start: string;
  readonly host: string;
}

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= { pid: process.pid, start: startOf(process.pid) ?? '', host: ownHost() };
  return own;
}

/** The name of the machine, and in a container the number of its pid namespace. */
function ownHost(): string {
  if (process.platform !== 'linux') return hostname();
  try {
    const space = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? MACHINES_OWN;
    return space === MACHINES_OWN ? hostname() : `${hostname()}#${space}`;
  } catch {
    return hostname(); // no /proc: then there are no containers that share a name either
  }
}

/** The first pid namespace has this number on every Linux. */
const MACHINES_OWN = '4026531836';

/** `unknown` for a process of another machine. */
export function livenessOf(identity: ProcessIdentity): 'alive' | 'dead' | 'unknown' {
  if (identity.host !== ownIdentity().host) return 'unknown';
  if (!exists(identity.pid)) return 'dead';
  const start = startOf(identity.pid);
  const other = start !== undefined && identity.start !== '' && start !== identity.start;
  return other ? 'dead' : 'alive';
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Undefined when the process is gone or the system does not tell; a zombie counts as gone. */
function startOf(pid: number): string | undefined {
  if (process.platform === 'linux') return linuxStartOf(pid);
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
  } catch {
    return undefined; // no such process, or no ps: the caller then goes by the pid alone
  }
}

/** Field 22 of `/proc/PID/stat`, in clock ticks since boot; the boot id makes it unique. */
function linuxStartOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z') return 'zombie';
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
    return `${fields[19]}@${boot}`;
  } catch {
    return undefined; // gone between the two looks: `exists` decides
  }
}
