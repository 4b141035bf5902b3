import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { digestOf, type Key } from '../../src/pipe/digest.ts';
import { shardOf } from '../../src/pipe/store/shard.ts';
import type { Trace } from '../../src/pipe/store/trace.ts';
import { openTraces } from '../../src/pipe/store/traces.ts';
import { temporaryFolder } from './temporary.ts';

function traceOf(name: string, task = 'count'): Trace {
  return {
    key: digestOf(name) as string as Key,
    fingerprint: {
      schema: 1,
      code: { kind: 'command', command: name },
      params: {},
      inputs: {},
      outputs: { out: 'out.txt' },
      environment: {},
      seed: 0,
    },
    outputs: { out: { kind: 'file', digest: digestOf('text'), sizeBytes: 4 } },
    notes: ['a note'],
    cost: { wallMs: 1, cpuMs: 1, peakRssBytes: 1 },
    provenance: {
      task,
      finishedAt: '2026-01-01T00:00:00Z',
      node: 'v20',
      platform: 'x',
      runId: 'r',
    },
  };
}

describe('traces', () => {
  it('gives back what was put, and lists by task, newest first', () => {
    const traces = openTraces(temporaryFolder());
    const [one, two, other] = [traceOf('one'), traceOf('two'), traceOf('three', 'other@a,b/c')];
    for (const trace of [one, two, other, one]) traces.put(trace);
    expect(traces.get(one.key)).toEqual(one);
    expect(traces.ofTask('count')).toEqual([one, two]);
    expect(traces.ofTask('count', 1)).toEqual([one]);
    expect(traces.ofTask('other@a,b/c')).toEqual([other]);
    expect(traces.ofTask('nobody')).toEqual([]);
    expect(traces.keys().sort()).toEqual([one.key, two.key, other.key].sort());
  });

  it('reads a trace cut at any length, or with a byte changed, as a miss', () => {
    const folder = temporaryFolder();
    const traces = openTraces(folder);
    const trace = traceOf('one');
    traces.put(trace);
    const path = `${shardOf(folder, trace.key)}.json`;
    const whole = readFileSync(path);
    for (let length = 0; length < whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      expect(traces.get(trace.key)).toBeUndefined();
      if (length % 7 > 0) continue; // a sample of the positions will do
      const changed = Buffer.from(whole);
      changed[length] = (changed[length] ?? 0) ^ 1;
      writeFileSync(path, changed);
      expect(traces.get(trace.key)).toBeUndefined();
    }
    writeFileSync(path, whole);
    expect(traces.get(trace.key)).toEqual(trace);
  });

  it('reads the list of a task cut at any length', () => {
    const folder = temporaryFolder();
    const traces = openTraces(folder);
    traces.put(traceOf('one'));
    traces.put(traceOf('two'));
    const path = join(folder, 'by-task', 'count.keys');
    const whole = readFileSync(path);
    for (let length = 0; length <= whole.length; length += 1) {
      writeFileSync(path, whole.subarray(0, length));
      const found = traces.ofTask('count').map(({ fingerprint: { code } }) => code);
      expect(found).toHaveLength(length < 64 ? 0 : length < 129 ? 1 : 2);
    }
  });
});
