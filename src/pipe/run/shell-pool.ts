/**
 * Shells that wait for commands: starting a process from Node takes longer than most of what a short
 * command does, and a shell that is there already starts one in a fraction of it. Knows no task.
 *
 * A waiting shell is a bash, since it can give each command a process group of its own without a
 * terminal; the command itself is run by /bin/sh as it would be otherwise. An empty line tells it that
 * its order is written, a file of words that each end with NUL: the folder, the command, a program to
 * look up (or nothing), where its output goes (or nothing), how many words follow that the command comes
 * down to (or 0), these, and `NAME=value`s. It answers `x <status> <pid>` when the command has ended; before
 * that `k <path>` for a program that it looked up, as /bin/sh sees it.
 * Which process runs its command now is asked of the system. Where it does not tell (no Linux), or
 * there is no bash, or an old one, nobody waits and commands are started the other way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, ftruncateSync, openSync, readFileSync, readSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import type { Readable } from 'node:stream';
import { removeFile, writeWhole } from '../store/atomic-file.ts';
import { isAbsence } from '../store/checked-file.ts';
import { scratchName } from '../store/scratch-names.ts';
import { lineToGuard, releaseGroup } from './group-guard.ts';
import { plainCommand } from './plain-command.ts';

/**
 * What the shell's own start leaves in the environment is taken out again, but for PWD, which /bin/sh
 * adds, too. One that adds more is not to be passed over.
 */
const SERVER = `set -m
shopt -s execfail
mapfile -d '' probe <<< probe || exit 1
order=$1
serve() {
  echo "+ $BASHPID $!" >&3
  printed=\${words[0]}.order
  cd -P "\${words[0]}" || exit 70
  export "\${words[@]:5+words[4]}"
  unset SHLVL OLDPWD _
  if [[ \${words[2]} ]]; then
    added=$(/usr/bin/env -i /bin/sh -c env)
    [[ $added == "PWD=$PWD" ]] && path=$(/bin/sh -c 'command -v "$1"' sh "\${words[2]}")
    echo "k $path"
  fi
  if (( words[4] > 0 )); then
    exec "\${words[@]:5:words[4]}" >"\${words[3]:-$printed.out}" 2>"$printed.err" </dev/null 3>&-
  fi
  exec /bin/sh -eu -c "\${words[1]}" /bin/sh </dev/null >"$printed.out" 2>"$printed.err" 3>&-
}
echo r
while read -r; do
  mapfile -d '' words <"$order" || exit 1
  (serve) &
  wait $!
  echo "x $? $!"
done`;

export interface Order {
  /** Where it runs; what it prints is written to `<folder>.order.out` and `<folder>.order.err`. */
  readonly folder: string;
  readonly command: string;
  readonly environment: { readonly [name: string]: string };
}

export interface Served {
  /** Its process and group, while it runs: undefined a moment before and after. */
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
function isProgram(path: string): boolean {
  if (!isAbsolute(path)) return false;
  try {
    const file = openSync(path, 'r');
    try {
      const start = Buffer.alloc(4);
      readSync(file, start);
      return start.toString('latin1', 0, 2) === '#!' || start.toString('latin1') === '\x7fELF';
    } finally {
      closeSync(file);
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return false; // one may be allowed to start it, but not to read it
  }
}

/** Somebody killed the shell, perhaps with its command. */
export class LostShellError extends Error {
  constructor() {
    super('the shell that ran the command is gone');
    this.name = 'LostShellError';
  }
}

/** A shell that had nothing to do for so long says that its last command is over. */
const FORGET_MS = 500;
/** In which Linux names the processes that a process started. */
function childrenFile(pid: number): string {
  return `/proc/${pid}/task/${pid}/children`;
}

/** So many commands are started the other way first: a run of a few commands needs no pool. */
const FIRST = 4;
/** Variables that bash does not let be set, or that are taken out; others are no names to it. */
const READ_ONLY = /^(?:UID|EUID|PPID|BASH.*|SHELLOPTS|SHLVL|PWD|OLDPWD|_)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

const NO_SHORTCUT: readonly string[] = ['', '', '0'];
/** By name and PATH: false where /bin/sh would not start a program, but act itself. */
const programs = new Map<string, boolean>();

let asked = 0;
let isHopeless = !existsSync(childrenFile(process.pid));
const idle: Server[] = [];
const starting = new Set<Server>();

/** A shell that waits, or undefined: then the command is to be started the other way. */
export function takeShell({
  folder,
  environment,
}: Pick<Order, 'folder' | 'environment'>): Shell | undefined {
  asked += 1;
  if (isHopeless || asked <= FIRST) return undefined;
  if (!Object.keys(environment).every((name) => NAME.test(name) && !READ_ONLY.test(name))) {
    return undefined;
  }
  for (let server = idle.pop(); server !== undefined; server = idle.pop()) {
    if (server.hasGuard() && server.home === dirname(folder)) return server;
    void server.dismiss();
  }
  // It will be there for one of the next.
  if (starting.size === 0) starting.add(new Server(dirname(folder)));
  return undefined;
}

/** Nobody waits any more: a shell that does keeps its folder, and the disk below it, in use. */
export async function dismissShells(): Promise<void> {
  await Promise.all([...idle.splice(0), ...starting].map((server) => server.dismiss()));
}

class Server implements Shell {
  readonly #guard = lineToGuard();
  readonly #child: ChildProcess;
  #tail = '';
  #isReady = false;
  #isDismissed = false;
  #done: ((end: ServedEnd) => void) | undefined;
  #lost: ((error: Error) => void) | undefined;
  #program: ((path: string) => void) | undefined;

  /** Where it was started: a folder beside those of its commands. */
  readonly home: string;
  readonly #order: string;
  #file: number | undefined;
  #written = 0;
  /** The command that it ran last, of which the guard hears that it ended by the next one. */
  #last: number | undefined;
  #forgetting: NodeJS.Timeout | undefined;

  constructor(home: string) {
    this.home = home;
    this.#order = join(home, scratchName('order'));
    const args = ['--norc', '--noprofile', '-c', SERVER, 'bash', this.#order];
    this.#child = spawn('/bin/bash', args, {
      cwd: home,
      detached: true,
      env: {},
      stdio: ['pipe', 'pipe', 'ignore', this.#guard],
    });
    const lose = () => this.#lose();
    this.#child.on('error', lose).on('exit', lose);
    if (this.#child.pid === undefined) return; // no bash, or no more handles: it is lost before it began
    this.#child.stdin?.on('error', lose);
    this.#answers.setEncoding('utf8').on('data', (text: string) => this.#hear(text));
    this.#letGo(true);
  }

  run(order: Order): Served {
    const { folder, command, environment } = order;
    const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    const words = [folder, command, ...this.#shortcut(order), ...variables];
    this.#write(`${words.join('\0')}\0`);
    this.#letGo(false);
    clearTimeout(this.#forgetting);
    const end = new Promise<ServedEnd>((resolve, reject) => {
      this.#done = resolve;
      this.#lost = reject;
    });
    this.#child.stdin?.write('\n');
    return { pid: () => this.#running(), end };
  }

  #running(): number | undefined {
    try {
      const [pid] = readFileSync(childrenFile(this.#child.pid as number), 'latin1').split(' ');
      return pid === undefined || pid === '' ? undefined : Number(pid);
    } catch (error) {
      if (isAbsence(error) || (error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
      throw error;
    }
  }

  /** The file stays open: to open it takes longer than to write to it. */
  #write(order: string): void {
    this.#file ??= openSync(this.#order, 'w');
    const bytes = Buffer.from(order);
    if (bytes.length < this.#written) ftruncateSync(this.#file);
    writeWhole(this.#file, bytes, 0);
    this.#written = bytes.length;
  }

  /** Whether the guard that it tells of its commands is the one that there is. */
  hasGuard(): boolean {
    return this.#guard === lineToGuard();
  }

  /** Resolves once it is gone; it has no command. */
  dismiss(): Promise<void> {
    this.#isDismissed = true;
    this.#forgetLast();
    const isGone = this.#child.exitCode !== null || this.#child.signalCode !== null;
    if (isGone || this.#child.pid === undefined) return Promise.resolve();
    this.#child.ref();
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    return gone;
  }

  giveBack(): void {
    this.#letGo(true);
    this.#forgetting = setTimeout(() => this.#forgetLast(), FORGET_MS).unref();
    const isAlive = this.#child.exitCode === null && this.#child.signalCode === null;
    if (isAlive && !this.#isDismissed) idle.push(this);
  }

  /** Another process may come to have its number. */
  #forgetLast(): void {
    clearTimeout(this.#forgetting);
    if (this.#last !== undefined && this.hasGuard()) releaseGroup(this.#last);
    this.#last = undefined;
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
    if (known === true) return ['', target ?? '', String(1 + args.length), program, ...args];
    if (known === false) return NO_SHORTCUT;
    this.#program = (path) => programs.set(place, isProgram(path));
    return [program, '', '0'];
  }

  /** A shell that never was ready will not be the next time either. */
  #lose(): void {
    this.#forgetLast();
    starting.delete(this);
    if (!this.#isReady && !this.#isDismissed) isHopeless = true;
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
    if (this.#file !== undefined) closeSync(this.#file);
    if (this.#file !== undefined) removeFile(this.#order);
    this.#file = undefined;
    this.#lost?.(new LostShellError());
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
