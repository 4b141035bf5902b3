/**
 * Shells that wait for commands: starting a process from Node takes longer than most of what a short
 * command does, and a shell that is there already starts one in a fraction of it. Knows no task.
 *
 * A waiting shell is a bash, since it can give each command a process group of its own without a
 * terminal; the command itself is run by /bin/sh as it would be otherwise. An empty line tells it that
 * its order is written: a file with `folder NUL command NUL NAME=value NUL …`. It answers `p <pid>`,
 * then `x <status>`.
 * Where there is no bash, or an old one, nobody waits and commands are started the other way.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeFile } from '../store/atomic-file.ts';
import { scratchName } from '../store/scratch-names.ts';
import { lineToGuard } from './group-guard.ts';

/** What the shell's own start leaves in the environment is taken out again. */
const SERVER = `set -m
mapfile -d '' probe <<< probe || exit 1
echo r >&4
while read -r; do
  mapfile -d '' words < "$1" || exit 1
  (
    echo "+ $BASHPID" >&5
    printed=\${words[0]}.order
    cd "\${words[0]}" || exit 70
    export "\${words[@]:2}"
    unset SHLVL OLDPWD _
    exec /bin/sh -eu -c "\${words[1]}" /bin/sh </dev/null >"$printed.out" 2>"$printed.err" 4>&- 5>&-
  ) &
  echo "p $!" >&4
  wait $!
  echo "x $?" >&4
  echo "- $!" >&5
done`;

export interface Order {
  /** Where it runs; what it prints is written to `<folder>.order.out` and `<folder>.order.err`. */
  readonly folder: string;
  readonly command: string;
  readonly environment: { readonly [name: string]: string };
}

export interface Served {
  /** Resolves once the command has begun. */
  readonly pid: Promise<number>;
  /** Its exit code as a shell gives it: more than 128 stands for a signal. Rejects if the shell died. */
  readonly status: Promise<number>;
}

export interface Shell {
  /** One command at a time. */
  run(order: Order): Served;
  /** Call when nothing of the command is left. */
  giveBack(): void;
}

/** Somebody killed the shell, perhaps with its command. */
export class LostShellError extends Error {
  constructor() {
    super('the shell that ran the command is gone');
    this.name = 'LostShellError';
  }
}

/** So many commands are started the other way first: a run of a few commands needs no pool. */
const FIRST = 4;
/** Variables that bash does not let be set; others are no names to it. */
const READ_ONLY = /^(?:UID|EUID|PPID|BASH.*|SHELLOPTS|_)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

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
  #begun: ((pid: number) => void) | undefined;
  #done: ((status: number) => void) | undefined;
  #lost: ((error: Error) => void) | undefined;

  /** Where it was started: a folder beside those of its commands. */
  readonly home: string;
  readonly #order: string;

  constructor(home: string) {
    this.home = home;
    this.#order = join(home, scratchName('order'));
    const args = ['--norc', '--noprofile', '-c', SERVER, 'bash', this.#order];
    this.#child = spawn('/bin/bash', args, {
      cwd: home,
      detached: true,
      env: {},
      stdio: ['pipe', 'ignore', 'ignore', 'ignore', 'pipe', this.#guard],
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
    writeFileSync(this.#order, [folder, command, ...variables].map((word) => `${word}\0`).join(''));
    this.#letGo(false);
    const pid = new Promise<number>((resolve, reject) => {
      this.#begun = resolve;
      this.#lost = reject;
    });
    const status = new Promise<number>((resolve, reject) => {
      const before = this.#lost;
      this.#done = resolve;
      this.#lost = (error) => {
        before?.(error);
        reject(error);
      };
    });
    status.catch(() => undefined); // whoever waits for the pid hears of it there
    this.#child.stdin?.write('\n');
    return { pid, status };
  }

  /** Whether the guard that it tells of its commands is the one that there is. */
  hasGuard(): boolean {
    return this.#guard === lineToGuard();
  }

  /** Resolves once it is gone; it has no command. */
  dismiss(): Promise<void> {
    this.#isDismissed = true;
    const isGone = this.#child.exitCode !== null || this.#child.signalCode !== null;
    if (isGone || this.#child.pid === undefined) return Promise.resolve();
    this.#child.ref();
    const gone = new Promise<void>((resolve) => this.#child.once('exit', () => resolve()));
    this.#child.kill('SIGKILL');
    return gone;
  }

  giveBack(): void {
    this.#letGo(true);
    const isAlive = this.#child.exitCode === null && this.#child.signalCode === null;
    if (isAlive && !this.#isDismissed) idle.push(this);
  }

  get #answers(): import('node:net').Socket {
    return this.#child.stdio[4] as import('node:net').Socket;
  }

  #hear(text: string): void {
    const lines = (this.#tail + text).split('\n');
    this.#tail = lines.pop() ?? '';
    for (const line of lines) {
      const [what, number] = line.split(' ');
      if (what === 'r') {
        this.#isReady = true;
        starting.delete(this);
        if (!this.#isDismissed) idle.push(this);
      } else if (what === 'p') this.#begun?.(Number(number));
      else if (what === 'x') this.#done?.(Number(number));
    }
  }

  /** A shell that never was ready will not be the next time either. */
  #lose(): void {
    starting.delete(this);
    if (!this.#isReady && !this.#isDismissed) isHopeless = true;
    const at = idle.indexOf(this);
    if (at >= 0) idle.splice(at, 1);
    removeFile(this.#order);
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
