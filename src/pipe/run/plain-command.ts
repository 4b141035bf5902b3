/**
 * Lines that say no more to a shell than which program to start with which words, and where to put
 * what it prints: for those a shell of their own would do nothing. Knows no process.
 */

export interface PlainCommand {
  /** To be looked up in PATH: has no slash. */
  readonly program: string;
  readonly args: readonly string[];
  /** Where `>` leads, if there is one. */
  readonly target?: string;
}

/** No character outside of quotes means anything to any shell, none within them to any. */
const WORD = /(?:[A-Za-z0-9_./:=@%+,-]|'[^']*'|"[^"$\\`]*")+/g;
const LINE = new RegExp(
  String.raw`^[ \t]*(W(?:[ \t]+W)*)(?:[ \t]+>[ \t]*(W))?[ \t\n]*$`.replaceAll('W', WORD.source),
);
const PROGRAM = /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/;

/** Undefined where the shell would have more to do. */
export function plainCommand(line: string): PlainCommand | undefined {
  const [, words, to] = LINE.exec(line) ?? [];
  const [program, ...args] = words?.match(WORD) ?? [];
  if (program === undefined || !PROGRAM.test(program)) return undefined;
  const target = to && unquote(to);
  // Some shells make connections of names in /dev; and none of them writes to a file without a name.
  if (target === '' || target?.startsWith('/dev/')) return undefined;
  return { program, args: args.map(unquote), ...(target === undefined ? {} : { target }) };
}

function unquote(word: string): string {
  return word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double);
}
