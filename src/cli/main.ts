/**
 * The command line: finds the command, parses its options, turns every way of failing into an exit
 * code. The only place that ends the process.
 */
import { parseArgs } from 'node:util';
import { nearestName } from '../pipe/config/nearest-name.ts';
import { DiagnosticError } from '../pipe/diagnostic.ts';
import type { Inspection } from '../pipe/run/settled.ts';
import { type Command, type Invocation, parseArgsOptions, UsageError } from './command.ts';
import { commandHelp, overview } from './help.ts';
import { handOver } from './inspection.ts';

/** Loaded when called, so that a command pays only for what it uses. */
const COMMANDS: { readonly [name: string]: () => Promise<Command> } = {
  run: async () => (await import('./run.ts')).runCommand,
  watch: async () => (await import('./watch.ts')).watchCommand,
  plan: async () => (await import('./plan.ts')).planCommand,
  status: async () => (await import('./status.ts')).statusCommand,
  why: async () => (await import('./why.ts')).whyCommand,
  graph: async () => (await import('./graph.ts')).graphCommand,
  runs: async () => (await import('./runs.ts')).runsCommand,
  diff: async () => (await import('./diff.ts')).diffCommand,
  metrics: async () => (await import('./metrics.ts')).metricsCommand,
  provenance: async () => (await import('./provenance.ts')).provenanceCommand,
  logs: async () => (await import('./logs.ts')).logsCommand,
  gc: async () => (await import('./gc.ts')).gcCommand,
  verify: async () => (await import('./verify.ts')).verifyCommand,
  clean: async () => (await import('./clean.ts')).cleanCommand,
  doctor: async () => (await import('./doctor.ts')).doctorCommand,
  lm: async () => (await import('./lm.ts')).lmCommand,
  init: async () => (await import('./init.ts')).initCommand,
  schema: async () => (await import('./schema.ts')).schemaCommand,
  completion: async () => {
    const { completionCommand } = await import('./completion.ts');
    return completionCommand({
      names: Object.keys(COMMANDS),
      load: async (name) => (Object.hasOwn(COMMANDS, name) ? COMMANDS[name]?.() : undefined),
    });
  },
};

async function main(words: readonly string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    return printHelp(name === 'help' ? rest[0] : undefined);
  }
  if (name === '--version' || name === '-V') {
    process.stdout.write(`${await ownVersion()}\n`);
    return 0;
  }
  const command = await commandNamed(name);
  const own = rest.slice(0, rest.includes('--') ? rest.indexOf('--') : rest.length);
  if (own.includes('--help') || own.includes('-h')) return printHelp(name);
  return command.run(parse(command, rest));
}

async function commandNamed(name: string): Promise<Command> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load !== undefined) return load();
  const near = nearestName(name, Object.keys(COMMANDS));
  throw new UsageError(
    `there is no command '${name}'`,
    near === undefined ? 'pipe --help lists the commands' : `did you mean 'pipe ${near}'?`,
  );
}

async function printHelp(name: string | undefined): Promise<number> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const text = name === undefined ? overview(commands) : commandHelp(await commandNamed(name));
  process.stdout.write(`${text}\n`);
  return 0;
}

async function ownVersion(): Promise<string> {
  const { readFileSync } = await import('node:fs');
  const manifest = `${import.meta.dirname}/../package.json`;
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
}

function parse(command: Command, words: readonly string[]): Invocation {
  const parsed = parseWords(command, words);
  const values = parsed.values as {
    readonly [name: string]: string | boolean | (string | boolean)[] | undefined;
  };
  return {
    positionals: parsed.positionals,
    flag: (name) => values[name] === true,
    text: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
    texts: (name) => (Array.isArray(values[name]) ? values[name].map(String) : []),
  };
}

function parseWords(command: Command, words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: parseArgsOptions(command.options),
      allowPositionals: true,
      strict: true,
    });
  } catch (error) {
    if (!isParseArgsError(error)) throw error;
    const dashed = dashedValue(command, words, error);
    if (dashed !== undefined) throw dashed;
    const unknown = /'(--?[^' ]+)/.exec(error.message)?.[1];
    const near =
      unknown &&
      nearestName(
        unknown.replace(/^-+/, ''),
        command.options.map((option) => option.name),
      );
    throw new UsageError(
      `pipe ${command.name}: ${(error.message.split('. ')[0] ?? error.message).replace(/\.$/, '')}`,
      near ? `did you mean --${near}?` : `pipe ${command.name} --help lists the options`,
    );
  }
}

/** `--jobs -1`: parseArgs takes a value with a dash for another option, and says so at length. */
function dashedValue(
  command: Command,
  words: readonly string[],
  error: Error,
): UsageError | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE') return undefined;
  const name = /--([\w-]+)/.exec(error.message)?.[1];
  const option = command.options.find((each) => each.name === name);
  if (option === undefined) return undefined;
  const forms = [`--${name}`, ...(option.short === undefined ? [] : [`-${option.short}`])];
  const value = words[words.findIndex((word) => forms.includes(word)) + 1];
  const wanted = option.placeholder ?? 'VALUE';
  return value === undefined || forms.includes(value)
    ? new UsageError(`--${name} needs a value`, `--${name} ${wanted}: ${option.summary}`)
    : new UsageError(
        `--${name} ${value}: a value that begins with a dash looks like an option`,
        `write --${name}=${value} if you mean it, or --${name} ${wanted}`,
      );
}

function isParseArgsError(error: unknown): error is Error {
  return (
    error instanceof Error &&
    String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')
  );
}

async function failureCode(error: unknown): Promise<number> {
  if (error instanceof DiagnosticError) {
    const { diagnosticsText } = await import('./diagnostic-text.ts');
    process.stderr.write(`${diagnosticsText(error.diagnostics)}\n`);
    return 2;
  }
  if (error instanceof UsageError) {
    process.stderr.write(
      `${error.message}\n${error.hint === undefined ? '' : `  hint: ${error.hint}\n`}`,
    );
    return 2;
  }
  const refused = refusalOf(error);
  if (refused !== undefined) {
    process.stderr.write(`${refused}\n`);
    return 2;
  }
  const worn = worldText(error);
  if (worn !== undefined) {
    process.stderr.write(`${worn}\n`);
    return 1;
  }
  // We are wrong, or the world is in a way that we did not foresee: the stack helps to say which.
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** What no program can go on without, wherever it was missing. */
function worldText(error: unknown): string | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== 'EMFILE' && code !== 'ENFILE') return undefined;
  return `${message}\n  hint: allow more open files (ulimit -n), then run again: what was finished is kept`;
}

const REFUSALS: { readonly [code: string]: string } = {
  EACCES: 'no right to read or write it',
  EPERM: 'no right to read or write it',
  EROFS: 'it lies on a read-only file system',
  ENOTDIR: 'a part of the path is a file, not a folder',
};

/** The file system said no to a path: the user can mend that, and needs no stack. */
function refusalOf(error: unknown): string | undefined {
  const { code, path } = error as NodeJS.ErrnoException;
  const why = code === undefined ? undefined : REFUSALS[code];
  if (why === undefined || path === undefined) return undefined;
  return `${path}: ${why} [${code}]\n  hint: check its owner and mode, or what lies there`;
}

/** A reader that has seen enough (`pipe graph | head`) is no failure of ours. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
}

/** A run says what it says without Node's streams. */
function usesStreams(words: readonly string[]): boolean {
  return words[0] !== 'run' || words.some((word) => word === '--help' || word === '-h');
}

/** This program is the small one, and the whole one is needed; nothing was done or said so far. */
const LEFT_OUT = 'ERR_LEFT_OUT';

/** `inspection` is what the first look at the files saw, where it could not answer by itself. */
export async function start(words: readonly string[], inspection?: Inspection): Promise<void> {
  handOver(inspection);
  if (usesStreams(words)) endWithReader();
  process.exitCode = await main(words).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === LEFT_OUT) throw error;
    return failureCode(error);
  });
}
