/**
 * Shells that wait for commands: starting a process from Node takes longer than most of what a short
 * command does, and a shell that is there already starts one in a fraction of it. Knows no task.
 *
 * A waiting shell is a bash, since it can give each command a process group of its own without a
 * terminal; the command itself is run by /bin/sh as it would be otherwise. An empty line tells it that
 * its order is written, a file of words that each end with NUL: the folder, the command, a program to
 * look up (or nothing), where its output goes (or nothing), how many words follow that the command comes
 * down to (or 0), these, and `NAME=value`s. It answers `x <status> <pid>` when the command has ended; before
 * that `k <path>` for a program that it looked up, as /bin/sh sees it. Which process group runs the
 * command stands in another file, before the command begins.
 * Where there is no bash, or an old one, nobody waits and commands are started the other way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import { removeFile, writeWhole } from '../store/atomic-file.ts';
import { type FileStamp, sameStamp, stampAt } from '../store/file-stamp.ts';
import { scratchName } from '../store/scratch-names.ts';
import { currentGuard, guardServer, releaseServer } from './group-guard.ts';
import { plainCommand } from './plain-command.ts';

/**
 * What the shell's own start leaves in the environment is taken out again, but for PWD, which /bin/sh
 * adds, too. One that adds more is not to be passed over. A command does not begin once the engine is
 * gone (then there is something to read, the end) or where its group cannot be written down. One that
 * is stopped has not ended, though `wait` returns; `wait -f` of bash 5.2 may turn round for ever.
 */
const SERVER = `mapfile -d '' __words <<< probe || exit 1
set -m
shopt -s execfail
__order=$1 __group=$2
[[ -e /proc/self/fd/3 ]] && __order=/proc/self/fd/3
serve() {
  printf '%-12d\\n' "$BASHPID" 1<>"$__group" || exit 70
  read -r -t 0 && exit 70
  __printed=\${__words[0]}.order
  cd -P "\${__words[0]}" || exit 70
  export "\${__words[@]:5+__words[4]}"
  unset SHLVL OLDPWD _
  if [[ \${__words[2]} ]]; then
    __added=$(/usr/bin/env -i /bin/sh -c env)
    __path=
    [[ $__added == "PWD=$PWD" ]] && __path=$(/bin/sh -c 'command -v "$1"' sh "\${__words[2]}")
    echo "k $__path"
  fi
  if (( __words[4] > 0 )); then
    exec "\${__words[@]:5:__words[4]}" >"\${__words[3]:-$__printed.out}" 2>"$__printed.err" </dev/null 3>&-
  fi
  exec /bin/sh -eu -c "\${__words[1]}" /bin/sh </dev/null >"$__printed.out" 2>"$__printed.err" 3>&-
}
echo r
while read -r; do
  mapfile -d '' __words <"$__order" || exit 1
  (serve) &
  while wait $!; __status=$?; (( __status > 128 )) && kill -0 $!; do
    sleep 0.1
  done
  echo "x $__status $!"
done`;

export interface Order {
  /** Where it runs; what it prints is written to `<folder>.order.out` and `<folder>.order.err`. */
  readonly folder: string;
  readonly command: string;
  readonly environment: { readonly [name: string]: string };
}

export interface Served {
  /** Its process and group, from when it begins; undefined before. */
  pid(): number | undefined;
  /** Rejects if the shell died. */
  readonly end: Promise<ServedEnd>;
}

export interface ServedEnd {
  readonly pid: number;
  /** As a shell gives it: more than 128 stands for a signal. */
  readonly exitCode: number;
}

export interface Shell {
  /** One command at a time. */
  run(order: Order): Served;
  /** Call when nothing of the command is left. */
  giveBack(): void;
}

/** Not what is built into /bin/sh; nor a script that names no interpreter, for each shell runs that by itself. */
function programAt(path: string): Program | undefined {
  if (!isAbsolute(path)) return undefined;
  try {
    const stamp = stampAt(path);
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(4);
      readSync(file, start);
      const isOne =
        start.toString('latin1', 0, 2) === '#!' || start.toString('latin1') === '\x7fELF';
      return isOne && stamp !== undefined ? { path, stamp } : undefined;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined; // one may be allowed to start it, but not to read it
  }
}

function isAsItWas({ path, stamp }: Program): boolean {
  const now = stampAt(path);
  return now !== undefined && sameStamp(stamp, now);
}

/** Somebody killed the shell, perhaps with its command. */
export class LostShellError extends Error {
  constructor() {
    super('the shell that ran the command is gone');
    this.name = 'LostShellError';
  }
}

/** A shell that had nothing to do for so long forgets its last command: another may come to have its number. */
const FORGET_MS = 500;
/** So many commands are started the other way first: a run of a few commands needs no pool. */
const FIRST = 4;
/** Variables that bash does not let be set, or that mean something to it or to its script; others are no names to it. */
const ITS_OWN = new RegExp(
  `^(?:${[
    '_ __.* BASH.* COMP_.* EPOCH.* OPT.* DIRSTACK EUID FUNCNAME GROUPS HISTCMD IFS LINENO MAPFILE',
    'OLDPWD PIPESTATUS POSIXLY_CORRECT PPID PWD RANDOM REPLY SECONDS SHELLOPTS SHLVL SRANDOM TMOUT UID',
  ]
    .join(' ')
    .replaceAll(' ', '|')})$`,
);
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

const NO_SHORTCUT: readonly string[] = ['', '', '0'];
/** By name and PATH: undefined where /bin/sh would not start a program, but act itself. */
const programs = new Map<string, Program | undefined>();

interface Program {
  readonly path: string;
  readonly stamp: FileStamp;
}

let asked = 0;
let isHopeless = false;
const idle: Server[] = [];
const starting = new Set<Server>();

/** A shell that waits, or undefined: then the command is to be started the other way. */
export function takeShell({
  folder,
  environment,
}: Pick<Order, 'folder' | 'environment'>): Shell | undefined {
  asked += 1;
  const home = dirname(folder);
  if (isHopeless || asked <= FIRST || home.includes('\n')) return undefined;
  if (!Object.keys(environment).every((name) => NAME.test(name) && !ITS_OWN.test(name))) {
    return undefined;
  }
  for (let server = idle.pop(); server !== undefined; server = idle.pop()) {
    if (server.isGuarded() && server.home === home) return server;
    void server.dismiss();
  }
  // It will be there for one of the next.
  if (starting.size === 0) {
    const server = startServer(home);
    if (server !== undefined) starting.add(server);
  }
  return undefined;
}

/** Nobody waits any more: a shell that does keeps its folder, and the disk below it, in use. */
export async function dismissShells(): Promise<void> {
  await Promise.all([...idle.splice(0), ...starting].map((server) => server.dismiss()));
}

/** Undefined where its files cannot be made: the disk is full, or there are no more handles. */
function startServer(home: string): Server | undefined {
  try {
    return new Server(home);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}

/** Bytes of a number and the blanks behind it. */
const NUMBER_BYTES = 12;
const NOBODY = `${'0'.padEnd(NUMBER_BYTES)}\n`;

/** A file that both have open, or know the name of, for as long as the shell lives. */
class Slate {
  readonly path: string;
  readonly file: number;
  #written = 0;

  constructor(path: string) {
    this.path = path;
    this.file = openSync(path, 'w+');
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    if (bytes.length < this.#written) ftruncateSync(this.file);
    this.#written = Math.max(bytes.length, this.#written); // also where the disk is full halfway
    writeWhole(this.file, bytes, 0);
    this.#written = bytes.length;
  }

  readNumber(): number {
    const bytes = Buffer.alloc(NUMBER_BYTES);
    const count = readSync(this.file, bytes, 0, NUMBER_BYTES, 0);
    return Number(bytes.toString('latin1', 0, count));
  }

  remove(): void {
    closeSync(this.file);
    removeFile(this.path);
  }
}

class Server implements Shell {
  readonly #child: ChildProcess;
  #tail = '';
  #isReady = false;
  #isDismissed = false;
  #isAway = false;
  #done: ((end: ServedEnd) => void) | undefined;
  #lost: ((error: Error) => void) | undefined;
  #program: ((path: string) => void) | undefined;
  /** The command that ended last. */
  #last = 0;
  #forgetting: NodeJS.Timeout | undefined;

  /** Where it was started: a folder beside those of its commands. */
  readonly home: string;
  readonly #order: Slate;
  readonly #group: Slate;
  readonly #guard = currentGuard();

  constructor(home: string) {
    this.home = home;
    const path = join(home, scratchName('order'));
    this.#order = new Slate(path);
    try {
      this.#group = new Slate(`${path}.group`);
      this.#group.write(NOBODY); // it then has its room, also where the disk is full later
    } catch (error) {
      this.#order.remove();
      throw error;
    }
    const args = ['--norc', '--noprofile', '-c', SERVER, 'bash', path, this.#group.path];
    this.#child = spawn('/bin/bash', args, {
      cwd: home,
      detached: true,
      env: {},
      stdio: ['pipe', 'pipe', 'ignore', this.#order.file],
    });
    const lose = () => this.#lose();
    this.#child.on('error', lose).on('exit', lose);
    if (this.#child.pid === undefined) return; // no bash, or no more handles: it is lost before it began
    guardServer(this.#child.pid, this.#group.path);
    this.#child.stdin?.on('error', lose);
    this.#answers.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#letGo(true);
  }

  run(order: Order): Served {
    const { folder, command, environment } = order;
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const words = [folder, command, ...this.#shortcut(order), ...variables];
    this.#order.write(`${words.join('\0')}\0`);
    this.#letGo(false);
    clearTimeout(this.#forgetting);
    const before = this.#last;
    const end = new Promise<ServedEnd>((resolve, reject) => {
      this.#done = resolve;
      this.#lost = reject;
    });
    this.#child.stdin?.write('\n');
    const pid = () => {
      const written = this.#isAway ? 0 : this.#group.readNumber();
      return written === 0 || written === before ? undefined : written;
    };
    return { pid, end };
  }

  /** Whether the guard that knows it is the one that there is. */
  isGuarded(): boolean {
    return this.#guard === currentGuard();
  }

  /** Resolves once it is gone; it has no command. */
  dismiss(): Promise<void> {
    this.#isDismissed = true;
    clearTimeout(this.#forgetting);
    const isGone = this.#child.exitCode !== null || this.#child.signalCode !== null;
    if (isGone || this.#child.pid === undefined) return Promise.resolve();
    this.#child.ref();
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    return gone;
  }

  giveBack(): void {
    this.#lost = undefined;
    const isAlive = this.#child.exitCode === null && this.#child.signalCode === null;
    if (!isAlive) {
      this.#putAway();
      return;
    }
    this.#letGo(true);
    this.#forgetting = setTimeout(() => this.#forget(), FORGET_MS).unref();
    if (!this.#isDismissed) idle.push(this);
  }

  #forget(): void {
    try {
      this.#group.write(NOBODY);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
      void this.dismiss(); // the next command could not be written down either
    }
  }

  get #answers(): Readable {
    return this.#child.stdout as Readable;
  }

  #hear(text: string): void {
    const lines = (this.#tail + text).split('\n');
    this.#tail = lines.pop() ?? '';
    for (const line of lines) {
      const [what, number, pid] = line.split(' ');
      if (what === 'r') {
        this.#isReady = true;
        starting.delete(this);
        if (!this.#isDismissed) idle.push(this);
      } else if (what === 'x') {
        this.#last = Number(pid);
        this.#done?.({ pid: this.#last, exitCode: Number(number) });
      } else if (what === 'k') this.#program?.(line.slice(2));
    }
  }

  /** For a command that comes down to a program, from the second time on: its words. */
  #shortcut({ command, environment }: Order): readonly string[] {
    const plain = plainCommand(command);
    if (plain === undefined) return NO_SHORTCUT;
    const { program, args, target } = plain;
    const place = `${program}\0${environment.PATH ?? ''}`;
    const known = programs.get(place);
    if (known === undefined && programs.has(place)) return NO_SHORTCUT;
    if (known !== undefined && isAsItWas(known))
      return ['', target ?? '', String(1 + args.length), program, ...args];
    this.#program = (path) => programs.set(place, programAt(path));
    return [program, '', '0'];
  }

  /** A shell that never was ready will not be the next time either. */
  #lose(): void {
    starting.delete(this);
    if (!this.#isReady && !this.#isDismissed) isHopeless = true;
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
    if (this.#lost === undefined) this.#putAway();
    else this.#lost(new LostShellError()); // whoever it worked for gives it back
  }

  #putAway(): void {
    if (this.#isAway) return;
    this.#isAway = true;
    clearTimeout(this.#forgetting);
    this.#order.remove();
    this.#group.remove();
    if (this.#child.pid !== undefined && this.isGuarded()) releaseServer(this.#child.pid);
  }

  /** The engine does not stay for a shell that waits; when it goes, so do the shells. */
  #letGo(isIdle: boolean): void {
    const handles = [this.#child, this.#child.stdin, this.#answers] as unknown as {
      ref(): void;
      unref(): void;
    }[];
    for (const handle of handles) {
      if (isIdle) handle.unref();
      else handle.ref();
    }
  }
}
