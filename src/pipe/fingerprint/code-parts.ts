/**
 * Which modules of a stage's bundle differ from those of an earlier one: the text of each module is
 * told apart by the bundles' source maps, so nothing needs to be kept for it. Reads no file.
 */
import { posix } from 'node:path';
import type { CodePart } from './change.ts';

export interface MappedBundle {
  readonly text: string;
  /** The JSON of its source map. */
  readonly sourceMap: string;
}

/** A module's share of a bundle: its text, and for pieces of it the line (from 0) they come from. */
interface Module {
  text: string;
  readonly pieces: { readonly at: number; readonly line: number }[];
}

/** In code-unit order; paths are relative to `folder`, from which the maps count theirs. */
export function differingParts(before: MappedBundle, after: MappedBundle): CodePart[] {
  const [was, is] = [modulesOf(before), modulesOf(after)];
  const names = [...new Set([...was.keys(), ...is.keys()])].sort();
  return names.flatMap((module): CodePart[] => {
    const [old, now] = [was.get(module), is.get(module)];
    if (old?.text === now?.text) return [];
    if (old === undefined) return [{ module, how: 'added' }];
    if (now === undefined) return [{ module, how: 'removed' }];
    return [{ module, how: 'edited', line: firstLine(old, now) }];
  });
}

function firstLine(before: Module, after: Module): number {
  let at = 0;
  while (at < after.text.length && before.text[at] === after.text[at]) at += 1;
  const piece = after.pieces.findLast((each) => each.at <= at);
  return (piece?.line ?? 0) + 1;
}

function modulesOf({ text, sourceMap }: MappedBundle): Map<string, Module> {
  const map = JSON.parse(sourceMap) as { sources: string[]; mappings: string };
  const offsetOf = offsetsIn(text);
  const modules = new Map<string, Module>();
  const mapped = readMappings(map.mappings);
  for (const [index, { source, line, ...place }] of mapped.entries()) {
    const name = posix.normalize(map.sources[source] ?? '');
    const module = modules.get(name) ?? { text: '', pieces: [] };
    modules.set(name, module);
    module.pieces.push({ at: module.text.length, line });
    const next = mapped[index + 1];
    module.text += text.slice(offsetOf(place), next && offsetOf(next));
  }
  return modules;
}

type Place = Pick<Mapped, 'generatedLine' | 'generatedColumn'>;

function offsetsIn(text: string): (place: Place) => number {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return ({ generatedLine, generatedColumn }) => (starts[generatedLine] ?? 0) + generatedColumn;
}

interface Mapped {
  readonly generatedLine: number;
  readonly generatedColumn: number;
  readonly source: number;
  /** In the source, from 0. */
  readonly line: number;
}

/** The segments of a source map (revision 3) that name a source, in the order of the text. */
function readMappings(mappings: string): Mapped[] {
  let [source, line] = [0, 0];
  return mappings.split(';').flatMap((segments, generatedLine) => {
    let generatedColumn = 0;
    return segments.split(',').flatMap((segment): Mapped[] => {
      const [column, sourceStep, lineStep] = readNumbers(segment);
      generatedColumn += column ?? 0;
      if (sourceStep === undefined || lineStep === undefined) return [];
      source += sourceStep;
      line += lineStep;
      return [{ generatedLine, generatedColumn, source, line }];
    });
  });
}

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** Base 64 variable-length quantities: five bits a digit, the sixth says that more follow; sign last. */
function readNumbers(segment: string): number[] {
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value += (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}
