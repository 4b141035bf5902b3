/**
 * What `ctx.metric` may say: figures, and figures with an interval. Knows no store and no terminal.
 */
import type { Json, JsonObject } from './json.ts';

/** A figure and the ends of its interval (95 % unless the stage says otherwise): `low ≤ value ≤ high`. */
export type Estimate = {
  readonly value: number;
  readonly low: number;
  readonly high: number;
};

export type MetricValue = number | string | boolean | null | Estimate;

/** Metrics by name; mappings inside become dotted names: `{test: {f1: 0.7}}` is `test.f1`. */
export type Metrics = { readonly [name: string]: MetricValue | Metrics };

/** Exactly `{value, low, high}`, all numbers. */
export function isEstimate(value: Json | undefined): value is Estimate {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return false;
  const { value: figure, low, high, ...others } = value as JsonObject;
  const isFigures = [figure, low, high].every((each) => typeof each === 'number');
  return isFigures && Object.keys(others).length === 0;
}

/** Dotted name → value. A list, which is no metric, stays as it is. */
export function flatMetrics(metrics: JsonObject, prefix = ''): Map<string, Json> {
  const flat = new Map<string, Json>();
  for (const [key, value] of Object.entries(metrics)) {
    const isLeaf =
      value === null || typeof value !== 'object' || Array.isArray(value) || isEstimate(value);
    if (isLeaf) flat.set(`${prefix}${key}`, value);
    else
      for (const entry of flatMetrics(value as JsonObject, `${prefix}${key}.`)) flat.set(...entry);
  }
  return flat;
}
