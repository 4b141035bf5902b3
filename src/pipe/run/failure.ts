/**
 * From how a process ended to a reason, a message and a hint for people. Knows no scheduler.
 */
import { relative } from 'node:path';
import type { FailureReason } from '../event.ts';
import { isDiskFull } from '../store/atomic-file.ts';
import { UnusableOutputError } from '../store/blobs.ts';
import type { HostError } from './order.ts';
import type { ProcessEnd } from './task-process.ts';

export interface Failure {
  readonly reason: FailureReason;
  readonly message: string;
  readonly hint?: string;
}

export interface FailureContext {
  /** Of the project: paths below it are shown relative to it. */
  readonly root: string;
  readonly stage: string;
  readonly timeoutMs?: number;
  /** The end of what the process wrote to stderr. */
  readonly stderr: string;
  /** Whether nothing is left on the disk of the scratch folder: shells then only say "I/O error". */
  diskFull(): boolean;
}

/** Undefined when the process did what it should. */
export function failureOf(
  end: ProcessEnd,
  error: HostError | undefined,
  context: FailureContext,
): Failure | undefined {
  if (end.killed === 'cancelled') return { reason: 'cancelled', message: 'cancelled' };
  if (end.killed === 'timeout') return timeout(context);
  if (error !== undefined) return fromError(error, context);
  if (end.exitCode === 0) return undefined;
  if (isHeapFull(context.stderr)) return outOfMemory('the JavaScript heap is full');
  const signal = signalOf(end);
  if (signal === 'SIGKILL' && end.memoryKills) return outOfMemory('the kernel killed the process');
  if (signal !== undefined) return { reason: 'signal', message: `killed by ${signal}` };
  if (context.diskFull() || /No space left on device|ENOSPC/.test(context.stderr)) {
    return diskFull(lastLine(context.stderr));
  }
  const last = lastLine(context.stderr);
  return { reason: 'exit', message: `exit code ${end.exitCode}${last === '' ? '' : `: ${last}`}` };
}

/** An error of the engine's own while it served the task; undefined when it is not the world's. */
export function worldFailure(error: unknown): Failure | undefined {
  if (isDiskFull(error)) return diskFull((error as Error).message);
  const { message, code = '' } = error as NodeJS.ErrnoException;
  if (error instanceof UnusableOutputError) {
    const hint = 'An output is a file or a folder of files, or a link to one.';
    return { reason: 'missing-output', message: `cannot keep ${message}`, hint };
  }
  const hint = WORLD[code];
  return hint === undefined ? undefined : { reason: 'exit', message, hint };
}

/** What the system refuses, whatever we ask for. */
const WORLD: { readonly [code: string]: string } = {
  EMFILE: 'Allow more open files (`ulimit -n`), or run fewer tasks at once (`--jobs`).',
  ENFILE: 'The machine has no more file handles: end other programs, or run fewer tasks at once.',
  EAGAIN: 'The machine has no more processes: end other programs, or run fewer tasks at once.',
  ENAMETOOLONG: 'Choose shorter names for files and folders.',
  EIO: 'The disk reports errors: look at it, then run `pipe verify`.',
  ESTALE: 'The network folder was away for a moment: run again.',
};

function timeout({ timeoutMs = 0 }: FailureContext): Failure {
  const seconds = timeoutMs / 1000;
  return {
    reason: 'timeout',
    message: `not done after ${seconds} s`,
    hint: 'Raise `timeout:` of the stage, or find out what it waits for in its log.',
  };
}

function fromError(error: HostError, context: FailureContext): Failure {
  if (error.code === 'ERR_ACCESS_DENIED') return refused(error, context);
  if (isDiskFull(error)) return diskFull(error.message);
  if (isAllocation(error.message)) return outOfMemory(error.message);
  const where = placeOf(error, context.root);
  const message = `${where}${error.message}`;
  return { reason: 'exit', message, ...(error.hint === undefined ? {} : { hint: error.hint }) };
}

function placeOf(error: HostError, root: string): string {
  if (error.file === undefined) return error.name === 'StageError' ? '' : thrownAt(error, root);
  const file = shown(error.file, root);
  return error.line === undefined ? `${file}: ` : `${file}:${error.line}: `;
}

/** What a stage did not expect: the first line of the project's own code in the stack. */
function thrownAt({ stack = '' }: HostError, root: string): string {
  for (const [, file = '', line] of stack.matchAll(
    /^ +at (?:.* \()?(?:file:\/\/)?(\/[^():]+):(\d+):\d+\)?$/gm,
  )) {
    const inside = relative(root, file);
    if (inside.startsWith('..') || /(?:^|\/)node_modules\/|^(?:dist|cache)\//.test(inside))
      continue;
    return `${inside}:${line}: `;
  }
  return '';
}

function refused(error: HostError, context: FailureContext): Failure {
  const { resource, permission = '' } = error;
  if (resource === undefined || !permission.startsWith('FileSystem')) {
    if (permission !== 'ChildProcess') return { reason: 'exit', message: error.message };
    const hint = 'Use a `cmd:` stage to run other programs.';
    return { reason: 'exit', message: 'starts a process, which a stage may not', hint };
  }
  const path = shown(resource, context.root);
  if (permission === 'FileSystemWrite') {
    const hint = 'Write to `context.outputs` or `context.scratch`.';
    return { reason: 'exit', message: `writes ${path}, outside its outputs`, hint };
  }
  const hint = `Add to \`inputs:\` of stage ${context.stage} a line such as \`${inputName(path)}: ${path}\`, and declare that input in its code.`;
  return {
    reason: 'undeclared-read',
    message: `reads ${path}, which is not a declared input`,
    hint,
  };
}

function inputName(path: string): string {
  const stem = path.split('/').pop()?.replace(/\..*$/, '') ?? '';
  return stem.replace(/[^A-Za-z0-9_]+/g, '_').replace(/^(?=\d)|^$/, 'input');
}

function shown(path: string, root: string): string {
  const inside = relative(root, path);
  return inside.startsWith('..') || inside === '' ? path : inside;
}

function diskFull(message: string): Failure {
  return {
    reason: 'disk-full',
    message: `no space left on the disk (${message})`,
    hint: 'Free some space and run again: what was finished is kept.',
  };
}

function outOfMemory(message: string): Failure {
  return {
    reason: 'out-of-memory',
    message: `out of memory: ${message}`,
    hint: 'Run fewer tasks at once (`--jobs`), or say what the stage needs in `resources.memory`.',
  };
}

function isHeapFull(stderr: string): boolean {
  return /JavaScript heap out of memory|FATAL ERROR:.*out of memory/i.test(stderr);
}

function isAllocation(message: string): boolean {
  return /Array buffer allocation failed|could not allocate memory|std::bad_alloc/.test(message);
}

/** A shell reports its child's death by signal n as exit code 128 + n. */
function signalOf(end: ProcessEnd): string | undefined {
  if (end.signal !== null) return end.signal;
  const names: { readonly [code: number]: string } = {
    134: 'SIGABRT',
    137: 'SIGKILL',
    139: 'SIGSEGV',
    143: 'SIGTERM',
  };
  return names[end.exitCode ?? 0];
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').pop() ?? '';
}
