/**
 * Brings the import statements at the head of a module into one order, so that sorting imports (a
 * format change) leaves the bundle as it was. Works on text; knows no module graph.
 *
 * A bare `import 'x'` asks for an effect. It stays where it is, nothing moves across it, and its
 * specifier is marked, because a bundler is not told otherwise whether an import has names.
 */

/** Put before the specifier of a bare import of a package. */
export const EFFECT_MARK = 'effect:';

const SPACE = /(?:\s+|\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*/y;
const STATEMENT =
  /(import\b(?!\s*[(.])[^;'"]*?)(['"])([^'"\n]*)\2([ \t]*with\s*\{[^}]*\})?[ \t]*;?/y;

interface Statement {
  readonly start: number;
  readonly end: number;
  readonly specifier: string;
  readonly isBare: boolean;
  readonly text: string;
}

/** The source with the same number of lines and its leading imports in canonical order. */
export function orderImports(source: string): string {
  const statements = leadingImports(source);
  let result = '';
  let at = 0;
  const ordered = canonicalOrder(statements);
  statements.forEach((statement, index) => {
    result += source.slice(at, statement.start) + ordered[index]!.text;
    at = statement.end;
  });
  return result + source.slice(at);
}

function leadingImports(source: string): Statement[] {
  const statements: Statement[] = [];
  let at = source.startsWith('#!') ? source.indexOf('\n') + 1 : 0;
  for (;;) {
    SPACE.lastIndex = at;
    SPACE.exec(source);
    STATEMENT.lastIndex = SPACE.lastIndex;
    const match = STATEMENT.exec(source);
    if (!match) return statements;
    statements.push(statementOf(match));
    at = STATEMENT.lastIndex;
  }
}

function statementOf(match: RegExpExecArray): Statement {
  const [whole, head, quote, specifier, attributes = ''] = match as unknown as string[];
  const isBare = head!.trim() === 'import';
  const isPackage = !/^[./]/.test(specifier!);
  const mark = isBare && isPackage ? EFFECT_MARK : '';
  const ended = whole!.endsWith(';') ? ';' : '';
  return {
    start: match.index,
    end: match.index + whole!.length,
    specifier: specifier!,
    isBare,
    text: `${orderNames(head!)}${quote}${mark}${specifier}${quote}${attributes}${ended}`,
  };
}

/** Sorts `{ b, a }` unless a comment stands among the names. */
function orderNames(head: string): string {
  return head.replace(/\{([^{}]*)\}/, (whole, names: string) => {
    if (names.includes('/')) return whole;
    const list = names.split(',').map((name) => name.trim());
    const sorted = list.filter((name) => name !== '').sort();
    if (sorted.every((name, index) => name === list[index])) return whole;
    // The line breaks are kept, so that lines below keep their numbers in stack traces.
    return `{${sorted.join(', ')}${names.replace(/[^\n]/g, '')}}`;
  });
}

function canonicalOrder(statements: readonly Statement[]): Statement[] {
  const result: Statement[] = [];
  let run: Statement[] = [];
  const flush = () => {
    result.push(...run.sort(bySpecifier));
    run = [];
  };
  for (const statement of statements) {
    if (statement.isBare) {
      flush();
      result.push(statement);
    } else run.push(statement);
  }
  flush();
  return result;
}

function bySpecifier(a: Statement, b: Statement): number {
  if (a.specifier !== b.specifier) return a.specifier < b.specifier ? -1 : 1;
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}
