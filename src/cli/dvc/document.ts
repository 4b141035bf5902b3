/**
 * A `dvc.yaml` as plain values, with the line of each, and what of it could not be mapped. Knows nothing
 * of pipelines.
 */
import { isMap, isNode, isSeq, LineCounter, type Node, parseDocument, stringify } from 'yaml';
import { DiagnosticError } from '../../pipe/diagnostic.ts';
import type { Json, JsonObject } from '../../pipe/json.ts';

/** Something that was left out or changed in meaning, for its author to look at. */
export interface Note {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export interface DvcDocument {
  readonly value: JsonObject;
  /** Of the value at a path, or of what encloses it. */
  lineOf(path: readonly (string | number)[]): number;
}

/** Throws a DiagnosticError where it is no YAML mapping. */
export function readDocument(text: string, file: string): DvcDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [problem] = document.errors;
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    const range = { line, column: col, endColumn: col + 1 };
    throw new DiagnosticError([{ code: 'bad-yaml', message: problem.message, file, range }]);
  }
  const value = document.toJS() as Json;
  if (!isMapping(value)) {
    throw new DiagnosticError([{ code: 'bad-yaml', message: `${file} is no mapping.`, file }]);
  }
  const lineAt = (node: Node | null | undefined) =>
    node?.range ? lines.linePos(node.range[0]).line : undefined;
  return {
    value,
    lineOf: (path) => {
      let at: unknown = document.contents;
      let line = 1;
      for (const step of path) {
        if (isMap(at)) {
          const pair = at.items.find(({ key }) => String(key) === String(step));
          line = lineAt(pair?.key as Node | undefined) ?? line;
          at = pair?.value;
        } else if (isSeq(at)) {
          at = at.items[Number(step)];
          line = lineAt(isNode(at) ? at : undefined) ?? line;
        } else break;
      }
      return line;
    },
  };
}

/** Long lines are commands, which stay whole. */
export function yamlText(value: JsonObject): string {
  return stringify(value, { lineWidth: 0, aliasDuplicateObjects: false });
}

export function isMapping(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

/** A list of paths as DVC writes them: text, or a mapping of one path to its settings. */
export function entriesOf(list: Json | undefined): { path: string; settings: JsonObject }[] {
  const items = Array.isArray(list) ? (list as readonly Json[]) : list === undefined ? [] : [list];
  return items.flatMap((item): { path: string; settings: JsonObject }[] => {
    if (!isMapping(item)) return [{ path: String(item), settings: {} }];
    return Object.entries(item).map(([path, settings]) => ({
      path,
      settings: isMapping(settings) ? settings : {},
    }));
  });
}
