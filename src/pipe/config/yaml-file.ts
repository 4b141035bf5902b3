/**
 * A YAML file as plain values, with the place of every one of them. Knows no pipeline.
 */
import type { Alias, Document, LineCounter, Node } from 'yaml';
import type { Diagnostic, SourceRange } from '../diagnostic.ts';
import type { Json } from '../json.ts';
import { yaml } from './yaml-library.ts';

export interface YamlFile {
  /** Undefined when `diagnostics` says that the file cannot be used at all. */
  readonly value: Json | undefined;
  readonly diagnostics: readonly Diagnostic[];
  /** The place of the value at a path; of its nearest enclosing value if it has none of its own. */
  valueRange(path: readonly string[]): SourceRange | undefined;
  /** The place of the key that names the value at a path. */
  keyRange(path: readonly string[]): SourceRange | undefined;
}

/** An alias may be used, but not multiplied into a document that fills the memory. */
const MAX_ALIASES = 100;

export function readYaml(bytes: Uint8Array, file: string): YamlFile {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return unusable(notUtf8(bytes, file));
  }
  const { LineCounter, parseDocument } = yaml();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true });
  const rangeOf = (start: number, end: number) => sourceRange(text, lines, start, end);
  const problems = document.errors.map((error) =>
    yamlProblem(error.code, error.message, file, rangeOf(error.pos[0], error.pos[1])),
  );
  if (problems.length > 0) return unusable(...problems);
  return placed(document, file, rangeOf);
}

type RangeOf = (start: number, end: number) => SourceRange;

function placed(document: Document, file: string, rangeOf: RangeOf): YamlFile {
  const circular = circularAlias(document);
  if (circular !== undefined) return unusable(inItself(circular, file, rangeOf));
  let value: Json;
  try {
    value = document.toJS({ maxAliasCount: MAX_ALIASES }) as Json;
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return unusable({
      code: 'too-many-aliases',
      message: `The aliases (\`*name\`) of this file expand to too much: ${error.message}.`,
      file,
      hint: 'Write the values out, or share them through params and `${params.x}`.',
    });
  }
  const keys = new Map<string, SourceRange>();
  const values = new Map<string, SourceRange>();
  collectRanges(document.contents as Node | null, [], { keys, values, rangeOf });
  return {
    value,
    diagnostics: [],
    valueRange: (path) => nearestRange(path, values),
    keyRange: (path) => keys.get(path.join('\0')) ?? nearestRange(path, values),
  };
}

/** An alias of something that it stands in: written out, the document would have no end. */
function circularAlias(document: Document): Alias | undefined {
  const { visit } = yaml();
  let found: Alias | undefined;
  visit(document, {
    Alias(_key, alias, path) {
      const target = alias.resolve(document);
      if (target === undefined || !path.includes(target)) return undefined;
      found = alias;
      return visit.BREAK;
    },
  });
  return found;
}

function inItself(alias: Alias, file: string, rangeOf: RangeOf): Diagnostic {
  return {
    code: 'circular-alias',
    message: `The alias *${alias.source} stands inside of what it names.`,
    file,
    ...(alias.range ? { range: rangeOf(alias.range[0], alias.range[1]) } : {}),
    hint: 'Write the value out.',
  };
}

function nearestRange(
  path: readonly string[],
  ranges: ReadonlyMap<string, SourceRange>,
): SourceRange | undefined {
  for (let length = path.length; length >= 0; length--) {
    const found = ranges.get(path.slice(0, length).join('\0'));
    if (found) return found;
  }
  return undefined;
}

interface Ranges {
  readonly keys: Map<string, SourceRange>;
  readonly values: Map<string, SourceRange>;
  readonly rangeOf: RangeOf;
}

function collectRanges(node: Node | null, path: readonly string[], ranges: Ranges): void {
  const { isAlias, isMap, isScalar, isSeq } = yaml();
  const where = path.join('\0');
  if (node?.range) ranges.values.set(where, ranges.rangeOf(node.range[0], node.range[1]));
  if (node === null || isAlias(node)) return;
  if (isMap(node)) {
    for (const pair of node.items) {
      const key = pair.key as Node;
      if (!isScalar(key)) continue;
      const inner = [...path, String(key.value)];
      if (key.range) ranges.keys.set(inner.join('\0'), ranges.rangeOf(key.range[0], key.range[1]));
      collectRanges(pair.value as Node | null, inner, ranges);
    }
  } else if (isSeq(node)) {
    node.items.forEach((item, index) => {
      collectRanges(item as Node, [...path, String(index)], ranges);
    });
  }
}

/** Clips to the first line: a caret underlines one line. */
function sourceRange(text: string, lines: LineCounter, start: number, end: number): SourceRange {
  const at = lines.linePos(start);
  const lineEnd = text.indexOf('\n', start);
  const stop = Math.min(end, lineEnd < 0 ? text.length : lineEnd);
  const line = Math.max(1, at.line);
  const column = Math.max(1, at.col);
  return {
    line,
    column,
    endColumn: column + Math.max(1, text.slice(start, stop).trimEnd().length),
  };
}

function yamlProblem(code: string, message: string, file: string, range: SourceRange): Diagnostic {
  if (code === 'DUPLICATE_KEY') {
    return {
      code: 'duplicate-key',
      message: 'This key stands here a second time.',
      file,
      range,
      hint: 'Keep one of the two: the other would be ignored.',
    };
  }
  if (code === 'TAB_AS_INDENT') {
    const hint = 'Indent with blanks.';
    return { code: 'tab', message: 'YAML allows no tab in indentation.', file, range, hint };
  }
  return { code: 'bad-yaml', message: `This is not valid YAML: ${message}.`, file, range };
}

function notUtf8(bytes: Uint8Array, file: string): Diagnostic {
  // Streaming holds back a character whose last bytes are missing: it is the one at fault.
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  const before = decoder.decode(bytes.subarray(0, validPrefix(bytes)), { stream: true });
  const good = Buffer.byteLength(before);
  const line = before.split('\n').length;
  const column = before.length - before.lastIndexOf('\n');
  return {
    code: 'not-utf-8',
    message: `The file is not UTF-8 text: byte ${good} cannot be decoded.`,
    file,
    range: { line, column, endColumn: column + 1 },
    hint: 'Save it as UTF-8.',
  };
}

function validPrefix(bytes: Uint8Array): number {
  let low = 0;
  let high = bytes.length;
  const decodes = (length: number) => {
    try {
      // `stream` accepts a character cut off at the end, so that validity is monotonic in length.
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (decodes(middle)) low = middle;
    else high = middle - 1;
  }
  return low;
}

function unusable(...diagnostics: Diagnostic[]): YamlFile {
  return { value: undefined, diagnostics, valueRange: () => undefined, keyRange: () => undefined };
}
