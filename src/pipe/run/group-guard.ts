/**
 * Kills the process groups of commands when the engine dies without a word: one small shell that
 * waits for the end of a pipe which only the engine holds open. Knows no task.
 *
 * A group is told to the guard before its command may begin (see `READY`), so that there is no moment
 * in which the engine's death would leave a command behind.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** Keeps the groups by `+ pid`, `- pid` and, where one comes in place of another, `+ pid other`; one a line. */
const GUARD = `trap '' TERM INT HUP
live=
while read -r how group gone; do
  next=
  [ "$how" = + ] && next=$group || gone=$group
  for each in $live; do [ "$each" = "$gone" ] || next="$next $each"; done
  live=$next
done
for each in $live; do kill -KILL "-$each"; done 2>/dev/null`;

/**
 * Stands before a command: waits on descriptor 3 for the engine's word, which comes once the guard
 * knows the group. Without an engine there is none, and the command never begins.
 */
export const READY = 'read -r PIPE_READY <&3 || exit 70; unset PIPE_READY; exec 3<&-; ';

let guard: ChildProcess | undefined;

export function guardGroup(pid: number): void {
  tell(`+ ${pid}`);
}

export function releaseGroup(pid: number): void {
  tell(`- ${pid}`);
}

/** For a process that tells the guard of its children itself. Another one if the guard was lost. */
export function lineToGuard(): Writable {
  guard ??= startGuard();
  return guard.stdin as Writable;
}

function tell(line: string): void {
  lineToGuard().write(`${line}\n`);
}

function startGuard(): ChildProcess {
  const child = spawn('/bin/sh', ['-c', GUARD], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
  });
  const forget = () => {
    if (guard === child) guard = undefined;
  };
  child.on('exit', forget).on('error', forget);
  child.stdin?.on('error', forget); // it was killed; the next group gets another
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  return child;
}
