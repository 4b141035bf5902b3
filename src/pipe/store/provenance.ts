/**
 * What a result was made from: the results whose outputs it read, found by their digests. Pure.
 */
import type { Digest, Key } from '../digest.ts';
import type { Trace } from './trace.ts';

/**
 * The keys, and those of everything that they were made from: without it, their own keys could only
 * be worked out again by building what lies in front of them.
 */
export function withUpstream(keys: ReadonlySet<Key>, traces: readonly Trace[]): Set<Key> {
  const byKey = new Map(traces.map((trace) => [trace.key, trace]));
  const makers = makersOf(traces);
  const found = new Set<Key>();
  const pending = [...keys];
  for (let key = pending.pop(); key !== undefined; key = pending.pop()) {
    if (found.has(key)) continue;
    found.add(key);
    for (const digest of inputsOf(byKey.get(key))) pending.push(...(makers.get(digest) ?? []));
  }
  return found;
}

function makersOf(traces: readonly Trace[]): Map<Digest, Key[]> {
  const makers = new Map<Digest, Key[]>();
  for (const { key, outputs } of traces) {
    for (const { digest } of Object.values(outputs)) {
      const known = makers.get(digest);
      if (known === undefined) makers.set(digest, [key]);
      else known.push(key);
    }
  }
  return makers;
}

function inputsOf(trace: Trace | undefined): Digest[] {
  const inputs = Object.values(trace?.fingerprint.inputs ?? {});
  return inputs.flatMap((entries) => entries.map(({ digest }) => digest));
}
