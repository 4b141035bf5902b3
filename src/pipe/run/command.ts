/**
 * `cmd:` stages: placeholders → a shell line. Knows no process.
 *
 * Only `${inputs.x}`, `${outputs.y}` and `${params.z}` are ours; `${HOME}` and the like are the
 * shell's.
 */
import type { Json } from '../json.ts';

export interface CommandValues {
  /** Paths by input name; several for a list. */
  readonly inputs: { readonly [name: string]: readonly string[] };
  readonly outputs: { readonly [name: string]: string };
  readonly params: { readonly [name: string]: Json };
}

/** Throws when a placeholder names nothing. */
export function renderCommand(command: string, values: CommandValues): string {
  return command.replace(/\$\{(inputs|outputs|params)\.([^}]+)\}/g, (whole, kind, name) => {
    const words = wordsOf(kind as keyof CommandValues, name as string, values);
    if (words === undefined) throw new Error(`${whole} names nothing`);
    return words.map(shellQuote).join(' ');
  });
}

export function shellQuote(word: string): string {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

function wordsOf(
  kind: keyof CommandValues,
  name: string,
  values: CommandValues,
): readonly string[] | undefined {
  if (kind === 'inputs') return values.inputs[name];
  if (kind === 'outputs') {
    const path = values.outputs[name];
    return path === undefined ? undefined : [path];
  }
  const value = paramAt(values.params, name.split('.'));
  if (value === undefined) return undefined;
  return Array.isArray(value) ? value.map(wordOf) : [wordOf(value)];
}

function paramAt(params: Json, path: readonly string[]): Json | undefined {
  let value: Json | undefined = params;
  for (const name of path) {
    if (value === null || typeof value !== 'object') return undefined;
    value = (value as { readonly [key: string]: Json })[name];
  }
  return value;
}

function wordOf(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
