/**
 * Replaces `${params.x}` throughout a pipeline's plain values and reports the references that lead
 * nowhere. `${matrix.x}` stays where a cell may fill it in; commands keep all of theirs.
 */
import type { Diagnostic } from '../diagnostic.ts';
import type { Json, JsonObject } from '../json.ts';
import { nearestName, suggest } from './nearest-name.ts';
import { interpolate, isReferencePath, mayRefer, type Resolution, valueAt } from './reference.ts';
import type { PlaceOf } from './schema-error.ts';

export interface Resolved {
  readonly value: Json;
  readonly diagnostics: readonly Diagnostic[];
}

export function resolveReferences(value: Json, placeOf: PlaceOf): Resolved {
  if (!isMapping(value)) return { value, diagnostics: [] };
  const diagnostics: Diagnostic[] = [];
  const params = new SharedParams(value.params, placeOf, diagnostics).resolveAll();
  const walk = (item: Json, path: readonly string[]): Json => {
    if (isCommand(path) || !mayRefer(item)) return item;
    if (typeof item === 'string') {
      const lookup = (name: readonly string[], text: string): Resolution =>
        lookUp(name, text, { params, path, placeOf, diagnostics });
      return interpolate(item, lookup);
    }
    if (Array.isArray(item)) return item.map((inner, index) => walk(inner, [...path, `${index}`]));
    if (!isMapping(item)) return item;
    const entries = Object.entries(item);
    return Object.fromEntries(entries.map(([key, inner]) => [key, walk(inner, [...path, key])]));
  };
  const entries = Object.entries(value).map(([key, item]): [string, Json] => [
    key,
    key === 'params' ? (params ?? item) : walk(item, [key]),
  ]);
  return { value: Object.fromEntries(entries), diagnostics };
}

interface LookupContext {
  readonly params: Json | undefined;
  readonly path: readonly string[];
  readonly placeOf: PlaceOf;
  readonly diagnostics: Diagnostic[];
}

function lookUp(name: readonly string[], text: string, context: LookupContext): Resolution {
  const { params, path, placeOf, diagnostics } = context;
  const report = (problem: Omit<Diagnostic, 'file' | 'range'>): Resolution => {
    diagnostics.push({ ...problem, ...placeOf(path, 'value') });
    return 'keep';
  };
  if (name[0] === 'matrix' && name.length > 1) {
    return mayUseMatrix(path) ? 'keep' : report(noMatrixHere(text));
  }
  if (name[0] !== 'params' || !isReferencePath(text)) return report(badReference(text));
  const value = valueAt(params, name.slice(1));
  return value === undefined ? report(unknownParam(name, params)) : { value };
}

/** `params` whose values may refer to each other; each is resolved once, a loop is reported. */
class SharedParams {
  private readonly params: Json | undefined;
  private readonly placeOf: PlaceOf;
  private readonly diagnostics: Diagnostic[];
  private readonly done = new Map<string, Json>();
  private readonly open: string[] = [];

  constructor(params: Json | undefined, placeOf: PlaceOf, diagnostics: Diagnostic[]) {
    this.params = params;
    this.placeOf = placeOf;
    this.diagnostics = diagnostics;
  }

  resolveAll(): Json | undefined {
    if (!isMapping(this.params)) return this.params;
    const names = Object.keys(this.params);
    return Object.fromEntries(names.map((name) => [name, this.resolve(name)]));
  }

  private resolve(name: string): Json {
    const known = this.done.get(name);
    if (known !== undefined) return known;
    this.open.push(name);
    const value = this.walk((this.params as JsonObject)[name]!, ['params', name]);
    this.open.pop();
    this.done.set(name, value);
    return value;
  }

  private walk(item: Json, path: readonly string[]): Json {
    if (typeof item === 'string') {
      return interpolate(item, (name, text) => this.lookUp(name, text, path));
    }
    if (Array.isArray(item)) return item.map((inner, i) => this.walk(inner, [...path, `${i}`]));
    if (!isMapping(item)) return item;
    const entries = Object.entries(item);
    return Object.fromEntries(entries.map(([k, inner]) => [k, this.walk(inner, [...path, k])]));
  }

  private lookUp(name: readonly string[], text: string, path: readonly string[]): Resolution {
    const key = name[1];
    const context = { path, placeOf: this.placeOf, diagnostics: this.diagnostics };
    const isParam =
      name[0] === 'params' && key !== undefined && valueAt(this.params, [key]) !== undefined;
    if (!isParam) return lookUp(name, text, { ...context, params: this.params });
    if (this.open.includes(key)) {
      this.diagnostics.push({ ...loop([...this.open, key]), ...this.placeOf(path, 'value') });
      return 'keep';
    }
    return lookUp(name, text, { ...context, params: { [key]: this.resolve(key) } });
  }
}

function isMapping(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isCommand(path: readonly string[]): boolean {
  return path.length === 3 && path[0] === 'stages' && path[2] === 'cmd';
}

function mayUseMatrix(path: readonly string[]): boolean {
  return path[0] === 'stages' && ['params', 'inputs', 'seed'].includes(path[2] ?? '');
}

function noMatrixHere(text: string): Omit<Diagnostic, 'file' | 'range'> {
  return {
    code: 'bad-reference',
    message: `\${${text}} cannot stand here: this is the same for all cells of the matrix.`,
    hint: "Matrix values can be used in a stage's params, inputs, seed and cmd.",
  };
}

function badReference(text: string): Omit<Diagnostic, 'file' | 'range'> {
  const root = text.split('.')[0]!;
  const nearest = nearestName(root, ['params', 'matrix']);
  const known = nearest !== undefined && nearest !== root && text.includes('.');
  return {
    code: 'unknown-reference',
    message: `\${${text}} refers to nothing.`,
    hint: known
      ? `Did you mean "\${${[nearest, ...text.split('.').slice(1)].join('.')}}"?`
      : 'References are ${params.name} and, in a stage with a matrix, ${matrix.axis}.',
  };
}

function unknownParam(
  name: readonly string[],
  params: Json | undefined,
): Omit<Diagnostic, 'file' | 'range'> {
  let depth = 1;
  while (valueAt(params, name.slice(1, depth + 1)) !== undefined) depth++;
  const parent = valueAt(params, name.slice(1, depth));
  const known = isMapping(parent) ? Object.keys(parent) : [];
  return {
    code: 'unknown-reference',
    message: `\${${name.join('.')}} refers to nothing: ${name.slice(0, depth).join('.')} has no "${name[depth]}".`,
    hint: suggest(name[depth]!, known, name.slice(0, depth).join('.')),
  };
}

function loop(names: readonly string[]): Omit<Diagnostic, 'file' | 'range'> {
  const from = names.indexOf(names.at(-1)!);
  const path = names.slice(from).map((name) => `params.${name}`);
  return {
    code: 'cycle',
    message: `These params refer to each other in a circle: ${path.join(' → ')}.`,
    hint: 'Give one of them a value of its own.',
  };
}
