/**
 * `${name.path}` references inside values. Knows no file: the caller looks names up and reports.
 */
import type { Json, JsonObject } from '../json.ts';

/** What a reference stands for; `keep` leaves it in the text for a later step. */
export type Resolution = { readonly value: Json } | 'keep';
export type Lookup = (path: readonly string[], text: string) => Resolution;

const REFERENCE = /\$\{([^}]*)\}/g;
const PATH = /^[A-Za-z_][\w-]*(?:\.[\w-]+)*$/;

/** The dotted names of all references in a text, malformed ones included. */
export function referencesIn(text: string): string[] {
  const found: string[] = [];
  for (let at = text.indexOf('${'); at >= 0; at = text.indexOf('${', at)) {
    const end = text.indexOf('}', at);
    if (end < 0) break;
    found.push(text.slice(at + 2, end).trim());
    at = end;
  }
  return found;
}

export function isReferencePath(name: string): boolean {
  return PATH.test(name);
}

/**
 * Replaces the references in every string inside `value`. A string that is one lone reference takes
 * the referenced value with its JSON type; inside text it is written as text (JSON for lists and mappings).
 */
export function interpolate(value: Json, lookup: Lookup): Json {
  if (typeof value === 'string') return interpolateText(value, lookup);
  if (Array.isArray(value)) return value.map((item: Json) => interpolate(item, lookup));
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value as JsonObject);
  return Object.fromEntries(entries.map(([key, item]) => [key, interpolate(item, lookup)]));
}

/** Whether there is anything to replace in `value`. */
export function mayRefer(value: Json): boolean {
  if (typeof value === 'string') return value.includes('${');
  if (value === null || typeof value !== 'object') return false;
  const items: Json[] = Array.isArray(value) ? value : Object.values(value);
  return items.some(mayRefer);
}

function interpolateText(text: string, lookup: Lookup): Json {
  if (!text.includes('${')) return text;
  const lone = /^\$\{([^}]*)\}$/.exec(text);
  if (lone) {
    const resolution = lookup(lone[1]!.trim().split('.'), lone[1]!.trim());
    return resolution === 'keep' ? text : resolution.value;
  }
  return text.replace(REFERENCE, (whole, name: string) => {
    const resolution = lookup(name.trim().split('.'), name.trim());
    return resolution === 'keep' ? whole : textOf(resolution.value);
  });
}

/** A scalar as people write it, else JSON. */
export function textOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The value at a path of mappings (own keys only) and lists, or undefined. */
export function valueAt(value: Json | undefined, path: readonly string[]): Json | undefined {
  let at: Json | undefined = value;
  for (const key of path) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined;
    at = (at as JsonObject)[key];
  }
  return at;
}
