/**
 * Kills the process groups of commands when the engine dies without a word: one small shell that
 * waits for the end of a pipe which only the engine holds open. Knows no task.
 *
 * A group is known to the guard before its command may begin (see `READY`), so that there is no moment
 * in which the engine's death would leave a command behind. Shells that start commands themselves
 * are known to it by the file in which they write whom they have started, before that one begins.
 */
import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Hears `+ pid` and `- pid` of groups, `s pid path` and `e pid` of shells, one a line. What a shell had
 * started when it was killed may only then come to write itself down: so the files are read twice.
 */
const GUARD = `trap '' TERM INT HUP
groups= shells= struck=
while read -r how pid path; do
  case $how in
    +) groups="$groups $pid" ;;
    -) kept=
      for each in $groups; do [ "$each" = "$pid" ] || kept="$kept $each"; done
      groups=$kept ;;
    s) shells="$shells$pid $path
" ;;
    e) kept=
      while read -r each path; do
        [ -z "$path" ] || [ "$each" = "$pid" ] || kept="$kept$each $path
"
      done <<END
$shells
END
      shells=$kept ;;
  esac
done
strike() {
  while read -r pid path; do
    [ -n "$path" ] || continue
    group=
    read -r group _ <"$path"
    [ "$group" -gt 1 ] || continue
    case " $struck " in *" $group "*) continue ;; esac
    struck="$struck $group"
    kill -KILL "-$group"
  done <<END
$shells
END
}
exec 2>/dev/null
for each in $groups; do kill -KILL "-$each"; done
while read -r pid path; do [ -z "$path" ] || kill -KILL "$pid"; done <<END
$shells
END
strike
sleep 0.2
strike`;

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

/** `path` is the file in which the shell writes whom it starts; without a line break. */
export function guardServer(pid: number, path: string): void {
  tell(`s ${pid} ${path}`);
}

export function releaseServer(pid: number): void {
  tell(`e ${pid}`);
}

/** Another one if the guard was lost, which knows nothing of what that one knew. */
export function currentGuard(): ChildProcess {
  guard ??= startGuard();
  return guard;
}

function tell(line: string): void {
  currentGuard().stdin?.write(`${line}\n`);
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
