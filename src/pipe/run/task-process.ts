/**
 * One child process in its own process group: started, listened to, killed whole. Knows no task and
 * no store.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { followFile } from './follow-file.ts';
import { guardGroup, READY, releaseGroup } from './group-guard.ts';
import type { EngineMessage, HostMessage, Usage } from './order.ts';
import { LostShellError, type Served, type Shell, takeShell } from './shell-pool.ts';
import type { StopSignal } from './stop.ts';

/** What to run: a program that hears us by IPC, or a line for the shell. */
export type Run = Program | { readonly command: string };

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly message: EngineMessage;
}

export type ProcessSpec = Run & ProcessConditions;

export interface ProcessConditions {
  readonly folder: string;
  readonly environment: { readonly [name: string]: string };
  readonly timeoutMs: number | undefined;
  readonly signal: StopSignal;
  onText(stream: Stream, text: string): void;
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

const STREAMS = ['stdout', 'stderr'] as const;
type Stream = (typeof STREAMS)[number];

const GRACE_MS = 3_000;
const SAMPLE_MS = 250;

/** Resolves when the process and its whole group are gone. Rejects when it cannot be started. */
export function runProcess(spec: ProcessSpec): Promise<ProcessEnd> {
  if (!('command' in spec)) return runProgram(spec);
  const shell = takeShell(spec);
  return shell === undefined ? runAlone(spec, spec.command) : runServed(spec, spec.command, shell);
}

/** A program of ours, which tells us by IPC what it does. */
function runProgram(spec: ProcessSpec & Program): Promise<ProcessEnd> {
  const killsBefore = memoryKills();
  const child = spawn(spec.file, [...spec.args], {
    ...conditionsOf(spec),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of STREAMS) {
    child[stream]?.setEncoding('utf8').on('data', (text: string) => spec.onText(stream, text));
  }
  child.on('message', (message) => spec.onMessage(message as HostMessage));
  if (child.pid !== undefined) {
    spec.onStart(child.pid);
    tell(child, spec.message);
  }
  const group = () => child.pid;
  const killer = watchOver(group, spec, () => tell(child, { type: 'abort' }));
  const sampler = sampleUsage(group);
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      killer.stop();
      sampler.stop();
      reject(error);
    });
    child.once('exit', () => killGroup(child.pid, 'SIGKILL')); // whatever it left running
    child.once('close', (exitCode, signal) => {
      killer.stop();
      resolve(endOf({ exitCode, signal }, killer.reason(), sampler.stop(), killsBefore));
    });
  });
}

/** By a shell of its own. */
async function runAlone(spec: ProcessSpec, command: string): Promise<ProcessEnd> {
  const killsBefore = memoryKills();
  const printed = followPrinted(spec);
  try {
    const child = startAlone(spec, command);
    const group = () => child.pid;
    const killer = watchOver(group, spec, () => undefined);
    const sampler = sampleUsage(group, printed.look);
    try {
      const ended = await new Promise<Ended>((resolve, reject) => {
        child.once('error', reject);
        child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
      });
      return endOf(ended, killer.reason(), sampler.stop(), killsBefore);
    } finally {
      killGroup(child.pid, 'SIGKILL'); // whatever it left running
      if (child.pid !== undefined) releaseGroup(child.pid);
      killer.stop();
      sampler.stop();
    }
  } finally {
    printed.end();
  }
}

type Ended = Pick<ProcessEnd, 'exitCode' | 'signal'>;

function startAlone(spec: ProcessSpec, command: string): ChildProcess {
  const files: number[] = [];
  try {
    for (const stream of STREAMS) files.push(openSync(printedPath(spec.folder, stream), 'w'));
    const child = spawn('/bin/sh', ['-eu', '-c', READY + command, '/bin/sh'], {
      ...conditionsOf(spec),
      stdio: ['ignore', ...files, 'pipe'],
    });
    if (child.pid === undefined) return child;
    letBegin(child, child.pid);
    spec.onStart(child.pid);
    return child;
  } finally {
    for (const file of files) closeSync(file);
  }
}

function conditionsOf({ folder, environment }: ProcessConditions) {
  // Its own process group, so that Ctrl-C comes to us alone and kills reach all.
  return { cwd: folder, env: { ...environment }, detached: true };
}

/** What a command prints lies beside its folder, which is to be as it expects it. */
function printedPath(folder: string, stream: Stream): string {
  return `${folder}.order.${stream === 'stdout' ? 'out' : 'err'}`;
}

function followPrinted({ folder, onText }: ProcessConditions) {
  const files = STREAMS.map((stream) =>
    followFile(printedPath(folder, stream), (text) => onText(stream, text)),
  );
  const look = () => {
    for (const file of files) file.look();
  };
  return {
    look,
    /** Looks once more, and removes what was printed. */
    end() {
      look();
      for (const file of files) file.end();
    },
  };
}

function endOf(
  { exitCode, signal }: Pick<ProcessEnd, 'exitCode' | 'signal'>,
  killed: ProcessEnd['killed'],
  usage: Usage,
  killsBefore: number,
): ProcessEnd {
  // The count is only of interest where something was killed; looking costs more than it seems.
  const wasKilled = signal === 'SIGKILL' || exitCode === KILLED_IN_SHELL;
  return {
    exitCode,
    signal,
    killed,
    memoryKills: wasKilled && memoryKillCount() > killsBefore,
    usage,
  };
}

function letBegin(child: ChildProcess, pid: number): void {
  guardGroup(pid);
  const word = child.stdio[3] as Writable;
  word.on('error', () => word.destroy()); // killed before it could listen
  word.end('\n');
}

/** By a shell that was waiting for it. */
async function runServed(spec: ProcessSpec, command: string, shell: Shell): Promise<ProcessEnd> {
  const killsBefore = memoryKills();
  const { folder, environment } = spec;
  const printed = followPrinted(spec);
  try {
    const served = shell.run({ folder, command, environment });
    const finding = findSoon(served, spec.onStart);
    const killer = watchOver(finding.group, spec, () => undefined);
    const sampler = sampleUsage(finding.group, printed.look);
    const ended = await served.end
      .then(({ pid, exitCode }): Ended => {
        finding.found(pid);
        return { exitCode, signal: null };
      })
      .catch(async (error: unknown): Promise<Ended> => {
        if (!(error instanceof LostShellError)) throw error;
        await finding.last();
        return { exitCode: null, signal: 'SIGKILL' };
      })
      .finally(() => {
        killGroup(finding.group(), 'SIGKILL'); // whatever it left running
        finding.stop();
        killer.stop();
        sampler.stop();
      });
    return endOf(ended, killer.reason(), sampler.stop(), killsBefore);
  } finally {
    try {
      printed.end();
    } finally {
      shell.giveBack();
    }
  }
}

/** So long a command may run before it is said to run. */
const QUIET_MS = 25;
const AGAIN_MS = 5;
const LAST_LOOKS = 10;

/** Most commands that a shell serves are over before anybody asks which process they are. */
function findSoon(served: Served, onStart: (pid: number) => void) {
  let known: number | undefined;
  let timer: NodeJS.Timeout;
  const found = (pid: number) => {
    if (known !== undefined) return;
    known = pid;
    onStart(pid);
  };
  const group = () => {
    const pid = known ?? served.pid();
    if (pid !== undefined) found(pid);
    return known;
  };
  const look = () => {
    if (group() === undefined) timer = setTimeout(look, AGAIN_MS);
  };
  timer = setTimeout(look, QUIET_MS);
  return {
    group,
    found,
    /** Of a shell that died: what it had started may only just come to say so. */
    async last() {
      for (let left = LAST_LOOKS; left > 0 && group() === undefined; left -= 1)
        await sleep(AGAIN_MS);
    },
    stop: () => clearTimeout(timer),
  };
}

const NO_USAGE: Usage = { cpuMs: 0, peakRssBytes: 0 };

/** A child that died before it could listen says so by its exit; the failed send adds nothing. */
function tell(child: ChildProcess, message: EngineMessage): void {
  if (child.connected) child.send(message, () => undefined);
}

type Group = () => number | undefined;

function watchOver(group: Group, spec: ProcessSpec, onStop: () => void) {
  let reason: ProcessEnd['killed'];
  let grace: NodeJS.Timeout | undefined;
  let again: NodeJS.Timeout | undefined;
  const strike = (signal: NodeJS.Signals) => {
    clearTimeout(again);
    if (killGroup(group(), signal)) return;
    again = setTimeout(() => strike(signal), AGAIN_MS); // it is just about to start, or has just ended
  };
  const stop = (why: NonNullable<ProcessEnd['killed']>) => {
    if (reason !== undefined) return;
    reason = why;
    onStop();
    strike('SIGTERM');
    grace = setTimeout(() => strike('SIGKILL'), GRACE_MS);
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
      clearTimeout(again);
      spec.signal.removeEventListener('abort', cancel);
    },
  };
}

/** False if it is not known, or not there. */
function killGroup(group: number | undefined, signal: NodeJS.Signals): boolean {
  if (group === undefined) return false;
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0; // mostly it is gone already, and a trace takes longer than all the rest
  try {
    process.kill(-group, signal);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ESRCH') return false;
    if (code !== 'EPERM') throw error; // only zombies are left
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
  return true;
}

/** Most of what the process and its descendants were seen to use, where /proc tells. */
function sampleUsage(group: Group, onLook: () => void = () => undefined) {
  let peak = NO_USAGE;
  const look = () => {
    onLook();
    const pid = group();
    if (pid === undefined || process.platform !== 'linux') return;
    const now = usageOf(pid);
    peak = {
      cpuMs: Math.max(peak.cpuMs, now.cpuMs),
      peakRssBytes: Math.max(peak.peakRssBytes, now.peakRssBytes),
    };
  };
  const timer = setInterval(look, SAMPLE_MS);
  timer.unref();
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
