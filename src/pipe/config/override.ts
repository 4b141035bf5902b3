/**
 * `--set path=value`: values of the pipeline file replaced from the command line. Knows the file's
 * plain values and its schema's keys; stages' own params are checked later, by their code's schema.
 */
import type { Diagnostic } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';
import { nearestName, suggest } from './nearest-name.ts';
import { readPlainYaml } from './plain-yaml.ts';
import { valueAt } from './reference.ts';
import { pipelineSchema } from './schema.ts';
import { yaml } from './yaml-library.ts';

export interface Overridden {
  readonly value: Json;
  /** The `--set` text by path (joined by NUL). */
  readonly texts: ReadonlyMap<string, string>;
  readonly diagnostics: readonly Diagnostic[];
}

export function applyOverrides(value: Json, sets: readonly string[]): Overridden {
  const texts = new Map<string, string>();
  const diagnostics: Diagnostic[] = [];
  let result = value;
  for (const text of sets) {
    const equals = text.indexOf('=');
    const path = text.slice(0, Math.max(0, equals)).trim().split('.');
    const given = text.slice(equals + 1);
    const isMalformed = equals < 1 || path.some((step) => step.trim() === '');
    const problem = isMalformed
      ? malformed(text)
      : (checkPath(result, path, text) ??
        brokenValue(text, given) ??
        textForNumber(result, path, text, given));
    if (problem) {
      diagnostics.push(problem);
      continue;
    }
    result = replaced(result, path, parseValue(given));
    texts.set(path.join('\0'), text);
  }
  return { value: result, texts, diagnostics };
}

/** JSON or a YAML flow value if it begins like one, else a YAML scalar; what is neither is text. */
export function parseValue(text: string): Json {
  const trimmed = text.trim();
  if (trimmed === '') return '';
  const plain = plainValue(trimmed);
  if (plain !== undefined) return plain;
  try {
    const value = yaml().parse(trimmed) as Json;
    const isCollection = value !== null && typeof value === 'object';
    return isCollection && !/^[[{]/.test(trimmed) ? trimmed : value;
  } catch {
    // Text such as `*.jsonl` or `a: b: c` means itself on a command line.
    return trimmed;
  }
}

/** Without the library, as it reads what is plain. */
function plainValue(trimmed: string): Json | undefined {
  if (trimmed.includes('\n')) return undefined;
  const document = readPlainYaml(`value: ${trimmed}`) as JsonObject | undefined;
  return document?.value ?? undefined;
}

/** Whether the library has to be asked what the value of an override is. */
export function isPlainOverride(text: string): boolean {
  return plainValue(text.slice(text.indexOf('=') + 1).trim()) !== undefined;
}

/** What begins as a list, a mapping or quoted text was meant as one: half of it is no plain text. */
function brokenValue(text: string, given: string): Diagnostic | undefined {
  const trimmed = given.trim();
  if (!/^[[{"']/.test(trimmed) || plainValue(trimmed) !== undefined) return undefined;
  try {
    yaml().parse(trimmed);
    return undefined;
  } catch (error) {
    const why = (error as Error).message.split(/ at line |:?\n/)[0] ?? '';
    return {
      code: 'bad-set',
      message: `--set ${text}: the value begins like YAML, but is not valid: ${why}.`,
      hint: `Close what it opens, or mean it as text: --set '${text.slice(0, text.indexOf('='))}="…"'.`,
    };
  }
}

/**
 * A word where the file has a number or a truth value is most often a slip (`1O`, `0,3`, `ture`), and
 * a command has no schema that would tell. The params of code are left to its schema.
 */
function textForNumber(
  root: Json,
  path: readonly string[],
  text: string,
  given: string,
): Diagnostic | undefined {
  const before = valueAt(root, path);
  if (typeof before !== 'number' && typeof before !== 'boolean') return undefined;
  const isOfCode =
    path[0] === 'stages' && valueAt(root, [...path.slice(0, 2), 'use']) !== undefined;
  const isMeant = isOfCode || /^["']|\$\{/.test(given.trim());
  if (isMeant || typeof parseValue(given) !== 'string') return undefined;
  const kind = typeof before === 'number' ? 'a number' : 'true or false';
  return {
    code: 'bad-set',
    message: `--set ${text}: the file has ${kind} there (${before}), and this is text.`,
    hint: `Mean it as text: --set '${path.join('.')}="${given.trim()}"'.`,
  };
}

function replaced(value: Json | undefined, path: readonly string[], leaf: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return leaf;
  if (Array.isArray(value)) {
    return value.map((item: Json, index) =>
      String(index) === key ? replaced(item, rest, leaf) : item,
    );
  }
  const object = value !== null && typeof value === 'object' ? (value as JsonObject) : {};
  return { ...object, [key]: replaced(valueAt(object, [key]), rest, leaf) };
}

/** A path is known if the file has it, or if the schema or a stage's code may give it a meaning. */
function checkPath(root: Json, path: readonly string[], text: string): Diagnostic | undefined {
  for (let length = 1; length <= path.length; length++) {
    const part = path.slice(0, length);
    if (valueAt(root, part) !== undefined) continue;
    if (isOpen(path, length)) return undefined;
    const key = path[length - 1]!;
    const parent = path.slice(0, length - 1);
    const known = [...new Set([...keysAt(root, parent), ...schemaKeys(parent)])];
    if (length >= 3 || parent.length === 0) {
      if (schemaKeys(parent).includes(key)) return undefined;
    }
    return unknownPath({ text, part, key, parent, known, elsewhere: meantPath(root, path) });
  }
  return undefined;
}

/** Below these, names are checked by the stage's own declarations (with did-you-mean). */
function isOpen(path: readonly string[], length: number): boolean {
  const open = ['params', 'inputs', 'outputs', 'matrix', 'resources'];
  return path[0] === 'stages' && length >= 3 && open.includes(path[2]!);
}

function keysAt(root: Json, path: readonly string[]): string[] {
  const at = valueAt(root, path);
  return at !== null && typeof at === 'object' ? Object.keys(at as JsonObject) : [];
}

function schemaKeys(parent: readonly string[]): string[] {
  const top = pipelineSchema.properties as { stages: { additionalProperties: JsonObject } };
  if (parent.length === 0) return Object.keys(top);
  const isStage = parent.length === 2 && parent[0] === 'stages';
  return isStage ? Object.keys(top.stages.additionalProperties.properties as JsonObject) : [];
}

/** `topK` for `params.topK`, `train.params.epochs` for `stages.train.params.epochs`. */
function meantPath(root: Json, path: readonly string[]): string | undefined {
  const isIn = (place: string) => valueAt(root, [place, path[0]!]) !== undefined;
  const place = ['params', 'stages'].find(isIn);
  return place && [place, ...path].join('.');
}

interface UnknownPath {
  readonly elsewhere: string | undefined;
  readonly text: string;
  readonly part: readonly string[];
  readonly key: string;
  readonly parent: readonly string[];
  readonly known: readonly string[];
}

function unknownPath({ text, part, key, parent, known, elsewhere }: UnknownPath): Diagnostic {
  const nearest = nearestName(key, known);
  const hint = elsewhere
    ? `Did you mean "${elsewhere}"?`
    : nearest === undefined
      ? suggest(key, known, parent.length ? `keys of ${parent.join('.')}` : 'keys')
      : `Did you mean "${[...parent, nearest].join('.')}"?`;
  return {
    code: 'unknown-set',
    message: `--set ${text}: the pipeline has no ${part.join('.')}.`,
    hint,
  };
}

function malformed(text: string): Diagnostic {
  return {
    code: 'bad-set',
    message: `--set ${text}: expected path=value.`,
    hint: 'For example --set params.topK=50 or --set stages.train.params.epochs=1.',
  };
}
