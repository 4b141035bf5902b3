/**
 * One child process in its own process group: started, listened to, killed whole. Knows no task and
 * no store.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { guardGroup, releaseGroup } from './group-guard.ts';
import type { EngineMessage, HostMessage, Usage } from './order.ts';

export interface ProcessSpec {
  readonly file: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly environment: { readonly [name: string]: string };
  /** Sent by IPC once the process is there; without it there is no IPC channel. */
  readonly message?: EngineMessage;
  /** It waits on descriptor 3 until the guard knows its group. */
  readonly guarded?: boolean;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
  onText(stream: 'stdout' | 'stderr', text: string): void;
  onMessage(message: HostMessage): void;
  onStart(pid: number): void;
}

export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why we killed it, if we did. */
  readonly killed: 'timeout' | 'cancelled' | undefined;
  /** The kernel's out-of-memory killer struck during the run (perhaps elsewhere). */
  readonly memoryKills: boolean;
  /** What could be learnt from outside, for a process that reports nothing itself. */
  readonly usage: Usage;
}

const GRACE_MS = 3_000;
const SAMPLE_MS = 250;

/** Resolves when the process and its whole group are gone. Rejects when it cannot be started. */
export function runProcess(spec: ProcessSpec): Promise<ProcessEnd> {
  const killsBefore = memoryKills();
  const child = start(spec);
  const killer = watchOver(child, spec);
  const sampler = sampleUsage(child.pid);
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      killer.stop();
      sampler.stop();
      reject(error);
    });
    child.once('exit', () => {
      killGroup(child, 'SIGKILL'); // whatever it left running
      if (spec.guarded === true && child.pid !== undefined) releaseGroup(child.pid);
    });
    child.once('close', (exitCode, signal) => {
      killer.stop();
      const usage = sampler.stop();
      // The count is only of interest where something was killed; looking costs more than it seems.
      const wasKilled = signal === 'SIGKILL' || exitCode === KILLED_IN_SHELL;
      const memoryKills = wasKilled && memoryKillCount() > killsBefore;
      resolve({ exitCode, signal, killed: killer.reason(), memoryKills, usage });
    });
  });
}

function start(spec: ProcessSpec): ChildProcess {
  const child = spawn(spec.file, [...spec.args], {
    cwd: spec.folder,
    env: { ...spec.environment },
    detached: true, // its own process group, so that Ctrl-C comes to us alone and kills reach all
    stdio: ['ignore', 'pipe', 'pipe', spec.message === undefined ? 'pipe' : 'ipc'],
  });
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => spec.onText(stream, text));
  }
  child.on('message', (message) => spec.onMessage(message as HostMessage));
  if (spec.guarded === true && child.pid !== undefined) letBegin(child, child.pid);
  if (child.pid !== undefined) spec.onStart(child.pid);
  if (spec.message !== undefined && child.pid !== undefined) tell(child, spec.message);
  return child;
}

function letBegin(child: ChildProcess, pid: number): void {
  guardGroup(pid);
  const word = child.stdio[3] as Writable;
  word.on('error', () => word.destroy()); // killed before it could listen
  word.end('\n');
}

/** A child that died before it could listen says so by its exit; the failed send adds nothing. */
function tell(child: ChildProcess, message: EngineMessage): void {
  if (child.connected) child.send(message, () => undefined);
}

function watchOver(child: ChildProcess, spec: ProcessSpec) {
  let reason: ProcessEnd['killed'];
  let grace: NodeJS.Timeout | undefined;
  const stop = (why: NonNullable<ProcessEnd['killed']>) => {
    if (reason !== undefined) return;
    reason = why;
    if (spec.message !== undefined) tell(child, { type: 'abort' });
    killGroup(child, 'SIGTERM');
    grace = setTimeout(() => killGroup(child, 'SIGKILL'), GRACE_MS);
  };
  const cancel = () => stop('cancelled');
  const timer =
    spec.timeoutMs === undefined ? undefined : setTimeout(() => stop('timeout'), spec.timeoutMs);
  spec.signal.addEventListener('abort', cancel, { once: true });
  if (spec.signal.aborted) cancel();
  return {
    reason: () => reason,
    stop() {
      clearTimeout(timer);
      clearTimeout(grace);
      spec.signal.removeEventListener('abort', cancel);
    },
  };
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error; // gone already, or only zombies are left
  }
}

/** Most of what the process and its descendants were seen to use, where /proc tells. */
function sampleUsage(pid: number | undefined) {
  let peak: Usage = { cpuMs: 0, peakRssBytes: 0 };
  const look = () => {
    if (pid === undefined) return;
    const now = usageOf(pid);
    peak = {
      cpuMs: Math.max(peak.cpuMs, now.cpuMs),
      peakRssBytes: Math.max(peak.peakRssBytes, now.peakRssBytes),
    };
  };
  const timer = process.platform === 'linux' ? setInterval(look, SAMPLE_MS) : undefined;
  timer?.unref();
  return {
    stop() {
      clearInterval(timer);
      return peak;
    },
  };
}

function usageOf(root: number): Usage {
  let [cpuMs, peakRssBytes] = [0, 0];
  const queue = [root];
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    const kilobytes = /VmHWM:\s+(\d+)/.exec(readProc(`/proc/${pid}/status`))?.[1];
    peakRssBytes += Number(kilobytes ?? 0) * 1024;
    cpuMs += cpuOf(pid);
    const children = readProc(`/proc/${pid}/task/${pid}/children`).trim();
    if (children !== '') queue.push(...children.split(' ').map(Number));
  }
  return { cpuMs, peakRssBytes };
}

const TICK_MS = 10; // USER_HZ is 100 on every Linux that Node runs on

/** Own time and that of the children that ended: fields 14 to 17 of `/proc/PID/stat`. */
function cpuOf(pid: number): number {
  const stat = readProc(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_MS;
}

/** Exit code by which a shell says that its child was killed. */
const KILLED_IN_SHELL = 137;

let killsAtStart: number | undefined;

/** As of the engine's first process: what was killed since then may have been any of ours. */
function memoryKills(): number {
  killsAtStart ??= memoryKillCount();
  return killsAtStart;
}

function memoryKillCount(): number {
  return Number(/^oom_kill (\d+)/m.exec(readProc('/proc/vmstat'))?.[1] ?? 0);
}

/** Empty where there is no such file: another system, or a process that is gone. */
function readProc(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
