/**
 * What differs between two recorded runs: params, products and the changes that explain them, metrics.
 * Knows no terminal and no pipeline file, which may have changed since.
 */
import type { TaskId } from '../event.ts';
import type { Change } from '../fingerprint/change.ts';
import { explain } from '../fingerprint/explain.ts';
import { canonicalJson, type Json, type JsonObject } from '../json.ts';
import { type Estimate, flatMetrics, isEstimate } from '../metric.ts';
import type { RunRecord, TaskRecord } from '../store/run-records.ts';
import type { Trace } from '../store/trace.ts';

export interface RunDifference {
  /** Shared params by dotted name. */
  readonly params: readonly ValueDifference[];
  /** Tasks whose keys or outputs differ, or that only one of the runs has. */
  readonly tasks: readonly TaskDifference[];
  /** Every metric of the tasks that both runs have. */
  readonly metrics: readonly MetricDifference[];
}

export interface ValueDifference {
  readonly name: string;
  readonly before: Json | undefined;
  readonly after: Json | undefined;
}

export interface TaskDifference {
  readonly task: TaskId;
  readonly how: 'only before' | 'only after' | 'outputs differ' | 'key differs' | 'outcome differs';
  readonly outcomes: readonly [
    TaskRecord['outcome'] | undefined,
    TaskRecord['outcome'] | undefined,
  ];
  /** Names of the outputs that differ. */
  readonly outputs: readonly string[];
  /** Why the keys differ; undefined where a trace is no longer kept. */
  readonly changes: readonly Change[] | undefined;
}

export interface MetricDifference extends ValueDifference {
  readonly task: TaskId;
  /** After minus before, where both are figures or estimates. */
  readonly difference: number | undefined;
}

export function compareRuns(
  before: RunRecord,
  after: RunRecord,
  traceOf: (record: TaskRecord) => Trace | undefined,
): RunDifference {
  const pairs = pairsOf(before, after);
  return {
    params: differingValues(before.params, after.params),
    tasks: pairs.flatMap((pair) => taskDifference(pair, traceOf)),
    metrics: pairs.filter(isInBoth).flatMap(metricDifferences),
  };
}

/** Mappings are gone into, so that a difference names the innermost param. */
export function differingValues(
  before: JsonObject,
  after: JsonObject,
  prefix = '',
): ValueDifference[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((key): ValueDifference[] => {
    const [was, is] = [before[key], after[key]];
    const name = `${prefix}${key}`;
    if (isMapping(was) && isMapping(is)) return differingValues(was, is, `${name}.`);
    return isSame(was, is) ? [] : [{ name, before: was, after: is }];
  });
}

interface Pair {
  readonly task: TaskId;
  readonly before: TaskRecord | undefined;
  readonly after: TaskRecord | undefined;
}

/** In the order of the later run; what only the earlier one had comes last. */
function pairsOf(before: RunRecord, after: RunRecord): Pair[] {
  const was = new Map(before.tasks.map((record) => [record.task, record]));
  const is = new Map(after.tasks.map((record) => [record.task, record]));
  const names = [...new Set([...is.keys(), ...was.keys()])];
  return names.map((task) => ({ task, before: was.get(task), after: is.get(task) }));
}

function isInBoth({ before, after }: Pair): boolean {
  return before !== undefined && after !== undefined;
}

function taskDifference(
  { task, before, after }: Pair,
  traceOf: (record: TaskRecord) => Trace | undefined,
): TaskDifference[] {
  const outcomes = [before?.outcome, after?.outcome] as const;
  if (before === undefined || after === undefined) {
    const how = before === undefined ? 'only after' : 'only before';
    return [{ task, how, outcomes, outputs: [], changes: [] }];
  }
  if (before.key === undefined || after.key === undefined) {
    if (before.outcome === after.outcome) return [];
    return [{ task, how: 'outcome differs', outcomes, outputs: [], changes: [] }];
  }
  const outputs = differingOutputs(before, after);
  if (before.key === after.key && outputs.length === 0) return [];
  const how = outputs.length > 0 ? 'outputs differ' : 'key differs';
  return [{ task, how, outcomes, outputs, changes: changesBetween(before, after, traceOf) }];
}

function differingOutputs({ outputs: was = {} }: TaskRecord, { outputs: is = {} }: TaskRecord) {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return names.filter((name) => was[name] !== is[name]);
}

function changesBetween(
  before: TaskRecord,
  after: TaskRecord,
  traceOf: (record: TaskRecord) => Trace | undefined,
): readonly Change[] | undefined {
  if (before.key === after.key) return [];
  const [was, is] = [traceOf(before), traceOf(after)];
  if (was === undefined || is === undefined) return undefined;
  return explain(was.fingerprint, is.fingerprint, {
    code: 'its stage',
    inputs: is.provenance.names ?? {},
    ...(was.provenance.names === undefined ? {} : { earlier: was.provenance.names }),
  });
}

function metricDifferences({ task, before, after }: Pair): MetricDifference[] {
  const was = flatMetrics(before?.metrics ?? {});
  const is = flatMetrics(after?.metrics ?? {});
  return [...new Set([...is.keys(), ...was.keys()])].map((name) => {
    const values = { before: was.get(name), after: is.get(name) };
    const [from, to] = [figureOf(values.before), figureOf(values.after)];
    const difference = from === undefined || to === undefined ? undefined : to - from;
    return { task, name, ...values, difference };
  });
}

function figureOf(value: Json | undefined): number | undefined {
  if (isEstimate(value)) return (value as Estimate).value;
  return typeof value === 'number' ? value : undefined;
}

function isMapping(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function isSame(before: Json | undefined, after: Json | undefined): boolean {
  if (before === undefined || after === undefined) return before === after;
  return canonicalJson(before) === canonicalJson(after);
}
