/**
 * What a command is. Knows no command.
 */
import type { ParseArgsConfig } from 'node:util';

export interface Command {
  readonly name: string;
  /** As in `run [TARGET…]`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: readonly CommandOption[];
  /** The exit code: 0 done, 1 a task failed, 2 the user's files or words are wrong, 130 interrupted. */
  run(invocation: Invocation): Promise<number>;
}

export interface CommandOption {
  readonly name: string;
  readonly short?: string;
  readonly type: 'boolean' | 'string';
  readonly multiple?: boolean;
  /** What stands behind the option in the help, as in `--jobs N`. */
  readonly placeholder?: string;
  readonly summary: string;
}

export interface Invocation {
  readonly positionals: readonly string[];
  flag(name: string): boolean;
  text(name: string): string | undefined;
  texts(name: string): readonly string[];
}

/** The user's words on the command line are wrong: exit code 2, no stack. */
export class UsageError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.name = 'UsageError';
    this.hint = hint;
  }
}

export function parseArgsOptions(
  options: readonly CommandOption[],
): NonNullable<ParseArgsConfig['options']> {
  return Object.fromEntries(
    options.map(({ name, type, short, multiple }) => [
      name,
      { type, multiple: multiple ?? false, ...(short === undefined ? {} : { short }) },
    ]),
  );
}
