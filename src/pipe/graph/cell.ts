/**
 * Cells of a stage's matrix: every combination of its axes, with labels. Knows no other stage.
 */

import type { MatrixAxis, StageSpec } from '../config/pipeline.ts';
import { interpolate, textOf, valueAt } from '../config/reference.ts';
import type { Diagnostic } from '../diagnostic.ts';
import type { TaskId } from '../event.ts';
import type { Json, JsonObject } from '../json.ts';
import { placeIn } from './place.ts';

export interface Cell {
  readonly values: { readonly [axis: string]: Json };
  readonly labels: { readonly [axis: string]: string };
}

/** All combinations, the last axis running fastest. A stage without a matrix has one empty cell. */
export function cellsOf(stage: StageSpec): Cell[] {
  let cells: Cell[] = [{ values: {}, labels: {} }];
  for (const { axis, values } of stage.matrix) {
    cells = cells.flatMap((cell) =>
      values.map((value) => ({
        values: { ...cell.values, [axis]: value },
        labels: { ...cell.labels, [axis]: labelOf(value) ?? '' },
      })),
    );
  }
  return cells;
}

export function taskId(stage: string, labels: { readonly [axis: string]: string }): TaskId {
  const list = Object.values(labels);
  return list.length === 0 ? stage : `${stage}@${list.join(',')}`;
}

/** Replaces `${matrix.axis}` and `${matrix.axis.field}`. */
export function fillIn(value: Json, cell: Cell): Json {
  return interpolate(value, ([root, axis, ...field]) => {
    const found = root === 'matrix' ? valueAt(cell.values[axis!], field) : undefined;
    return found === undefined ? 'keep' : { value: found };
  });
}

/** A scalar as text, or the `name` of an object; undefined if it has none. */
export function labelOf(value: Json): string | undefined {
  if (value === null || Array.isArray(value)) return undefined;
  if (typeof value !== 'object') return textOf(value);
  const { name } = value as JsonObject;
  return typeof name === 'string' || typeof name === 'number' ? String(name) : undefined;
}

/** Labels become part of task names and folder names: what they may hold, and that they differ. */
export function checkLabels(stage: StageSpec): Diagnostic[] {
  return stage.matrix.flatMap((axis) => axis.values.flatMap((_, i) => checkLabel(stage, axis, i)));
}

function checkLabel(stage: StageSpec, { axis, values }: MatrixAxis, index: number): Diagnostic[] {
  const value = values[index]!;
  const label = labelOf(value);
  const place = placeIn(stage, `matrix.${axis}.${index}`);
  if (label === undefined) {
    const message = `The value ${JSON.stringify(value)} of axis "${axis}" of ${stage.name} has no label.`;
    const hint = 'Use a scalar, or a mapping with a "name".';
    return [{ code: 'bad-label', message, ...place, hint }];
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(label)) {
    const message = `"${label}" of axis "${axis}" of ${stage.name} cannot be a label.`;
    const hint =
      'Labels hold letters, digits and . _ + -; give other values as a mapping with a "name".';
    return [{ code: 'bad-label', message, ...place, hint }];
  }
  const first = values.findIndex((other) => labelOf(other) === label);
  if (first === index) return [];
  const message = `Axis "${axis}" of ${stage.name} has the label "${label}" twice.`;
  const hint = 'Remove one of the two, or give each a "name" of its own.';
  return [{ code: 'duplicate-label', message, ...place, hint }];
}
