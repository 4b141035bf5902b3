/**
 * The cells of a DVC stage (`foreach`, `matrix` or none) as axes of ours, and DVC's `${…}` in ours.
 * Reads nothing.
 */
import type { Json, JsonObject } from '../../pipe/json.ts';
import { isMapping } from './document.ts';

export interface Axis {
  readonly name: string;
  /** Scalars, or `{name, value}` where DVC's label is not the value itself. */
  readonly values: readonly Json[];
}

export interface Cell {
  readonly labels: readonly string[];
  /** What `${item…}` and `${key}` stand for. */
  readonly variables: JsonObject;
}

const WORD = /^[A-Za-z0-9_][A-Za-z0-9._+-]*$/;

/** `foreach:` as one axis. */
export function foreachAxis(name: string, over: Json): Axis {
  if (Array.isArray(over)) {
    const isPlain = over.every((item: Json) => !isMapping(item) && WORD.test(String(item)));
    return {
      name,
      values: isPlain ? over : over.map((value: Json, index) => ({ name: `${index}`, value })),
    };
  }
  return {
    name,
    values: Object.entries(over as JsonObject).map(([key, value]) => ({ name: key, value })),
  };
}

export function matrixAxis(name: string, values: readonly Json[]): Axis {
  const isPlain = values.every((item) => !isMapping(item) && WORD.test(String(item)));
  if (isPlain) return { name, values };
  return { name, values: values.map((value, index) => ({ name: `${name}${index}`, value })) };
}

/** Every combination, the last axis fastest; one cell without axes. */
export function cellsOf(axes: readonly Axis[], kind: 'foreach' | 'matrix' | 'none'): Cell[] {
  let cells: { labels: string[]; picks: { [axis: string]: Json } }[] = [{ labels: [], picks: {} }];
  for (const { name, values } of axes) {
    cells = cells.flatMap(({ labels, picks }) =>
      values.map((value) => ({
        labels: [...labels, isMapping(value) ? String(value.name) : String(value)],
        picks: { ...picks, [name]: isMapping(value) ? (value.value as Json) : value },
      })),
    );
  }
  return cells.map(({ labels, picks }) => ({
    labels,
    variables:
      kind === 'foreach'
        ? { item: Object.values(picks)[0] as Json, key: labels[0] as string }
        : { item: picks, key: labels.join('-') },
  }));
}

/** `${item.model}` → `${matrix.model}`, and the like; undefined for what is no variable of a cell. */
export function axisReference(
  path: readonly string[],
  axes: readonly Axis[],
  kind: 'foreach' | 'matrix' | 'none',
): string | undefined {
  const [root, ...rest] = path;
  if (kind === 'none' || (root !== 'item' && root !== 'key')) return undefined;
  const axis = kind === 'foreach' ? axes[0] : axes.find(({ name }) => name === rest[0]);
  if (axis === undefined) return undefined;
  const isObject = isMapping(axis.values[0]);
  if (root === 'key')
    return kind === 'foreach' ? `matrix.${axis.name}${isObject ? '.name' : ''}` : undefined;
  const inner = kind === 'foreach' ? rest : rest.slice(1);
  return ['matrix', axis.name, ...(isObject ? ['value'] : []), ...inner].join('.');
}

const REFERENCE = /(?<!\\)\$\{\s*([^}]+?)\s*\}/g;

/** Steps of `a.b[0].c`. */
function stepsOf(reference: string): string[] {
  return reference.replace(/\[(\w+)\]/g, '.$1').split('.');
}

/** The text with every reference replaced; `replace` may keep one by returning undefined. */
export function replaceReferences(
  text: string,
  replace: (path: readonly string[]) => string | undefined,
): string {
  return text.replace(REFERENCE, (whole, inner: string) => replace(stepsOf(inner)) ?? whole);
}

export function valueIn(root: Json | undefined, path: readonly string[]): Json | undefined {
  let at = root;
  for (const step of path) {
    if (at === null || typeof at !== 'object') return undefined;
    at = (at as JsonObject)[step];
  }
  return at;
}
