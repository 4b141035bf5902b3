import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Digest, digestOf } from '../../src/pipe/digest.ts';
import type { Fingerprint } from '../../src/pipe/fingerprint/document.ts';
import { describeChange, explain, nearest } from '../../src/pipe/fingerprint/explain.ts';
import { keyOf } from '../../src/pipe/fingerprint/key.ts';
import type { Json, JsonObject } from '../../src/pipe/json.ts';

const d = (text: string): Digest => digestOf(text);

const BASE: Fingerprint = {
  schema: 1,
  code: { kind: 'module', bundle: d('code'), packages: { yaml: '2.0.0', ajv: '8.0.0' } },
  params: { topK: 100, adam: { rate: 0.1, betas: [0.9, 0.99] }, name: 'x' },
  inputs: {
    claims: [{ digest: d('claims') }],
    pages: [
      { name: 'a.jsonl', digest: d('a') },
      { name: 'b.jsonl', digest: d('b') },
    ],
    memories: [{ name: 'doc', digest: d('doc') }],
  },
  outputs: { out: 'out.txt' },
  environment: { LC_ALL: 'C' },
  seed: 0,
};

const names = {
  code: 'stages/train.ts',
  inputs: {
    claims: { name: 'data/sample/dev.jsonl', upstream: false },
    pages: { name: 'data/wiki/', upstream: false },
    memories: { name: 'train.memory', upstream: true },
  },
};
const lines = (change: Partial<Fingerprint>): string[] =>
  explain(BASE, { ...BASE, ...change }, names).map(describeChange);

describe('explain', () => {
  it('names params by path, with both values', () => {
    expect(
      lines({ params: { topK: 50, adam: { rate: 0.1, betas: [0.8, 0.99] }, extra: null } }),
    ).toEqual([
      'param adam.betas: [0.9,0.99] → [0.8,0.99]',
      'param extra: unset → null',
      'param name: "x" → unset',
      'param topK: 100 → 50',
    ]);
  });

  it('names files as the user does', () => {
    expect(
      lines({
        inputs: {
          claims: [{ digest: d('other') }],
          pages: [
            { name: 'b.jsonl', digest: d('b2') },
            { name: 'c.jsonl', digest: d('c') },
          ],
          memories: [{ name: 'doc', digest: d('doc2') }],
          more: [{ digest: d('more') }],
        },
      }),
    ).toEqual([
      'input claims: data/sample/dev.jsonl edited',
      'input memories: train.memory (doc) changed',
      'input more: added',
      'input pages: data/wiki/a.jsonl removed',
      'input pages: data/wiki/b.jsonl edited',
      'input pages: data/wiki/c.jsonl added',
    ]);
  });

  it('sees a changed order of files and an input that went away while empty', () => {
    const pages = [...BASE.inputs.pages!].reverse();
    expect(lines({ inputs: { ...BASE.inputs, pages } })).toEqual([
      'input pages: data/wiki/ reordered',
    ]);
    const empty = { ...BASE, inputs: { ...BASE.inputs, none: [] } };
    expect(explain(empty, BASE)).toHaveLength(1);
  });

  it('calls what went away as it was called then, where a pattern moved to another folder', () => {
    const was = { ...BASE, inputs: { pages: [{ name: 'gone.txt', digest: d('x') }] } };
    const is = { ...BASE, inputs: { pages: [{ name: 'new.txt', digest: d('y') }] } };
    const moved = { ...names, earlier: { pages: { name: 'old/', upstream: false } } };
    expect(explain(was, is, moved).map(describeChange)).toEqual([
      'input pages: old/gone.txt removed',
      'input pages: data/wiki/new.txt added',
    ]);
  });

  it('names code, packages, commands, environment, seed, outputs and the schema', () => {
    expect(
      lines({
        schema: 2,
        code: { kind: 'module', bundle: d('new'), packages: { yaml: '2.1.0', zod: '1.0.0' } },
        environment: { TZ: 'UTC' },
        seed: 7,
        numerics: 'wasm x64',
        outputs: { out: 'out.txt', log: 'log/' },
      }),
    ).toEqual([
      'pipe itself changed what it gives to tasks (1 → 2)',
      'seed: 0 → 7',
      'numerics (backend and device): unset → wasm x64',
      'code of stages/train.ts changed',
      'package ajv: 8.0.0 → not used',
      'package yaml: 2.0.0 → 2.1.0',
      'package zod: not used → 1.0.0',
      'declared outputs: {"out":"out.txt"} → {"out":"out.txt","log":"log/"}',
      'environment LC_ALL: C → unset',
      'environment TZ: unset → UTC',
    ]);
    const command = (text: string): Fingerprint => ({
      ...BASE,
      code: { kind: 'command', command: text },
    });
    expect(explain(command('sort a'), command('sort b')).map(describeChange)).toEqual([
      'command: sort a → sort b',
    ]);
    expect(explain(BASE, command('sort a'))).toHaveLength(1);
  });

  it('says first without an earlier build', () => {
    expect(explain(undefined, BASE).map(describeChange)).toEqual(['never built before']);
    expect(explain(BASE, BASE)).toEqual([]);
  });
});

describe('nearest', () => {
  const with_ = (params: JsonObject) => ({ fingerprint: { ...BASE, params } });
  it('is the trace with the fewest differences, the latest of equals', () => {
    const far = with_({ topK: 1, adam: {}, name: 'y' });
    const near = with_({ ...BASE.params, topK: 7 });
    const later = with_({ ...BASE.params, topK: 8 });
    expect(nearest(BASE, [near, far])).toBe(near);
    expect(nearest(BASE, [near, later, far])).toBe(later);
    expect(nearest(BASE, [])).toBeUndefined();
  });
});

describe('keyOf and explain walk the same document', () => {
  const params = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 2 }));
  const digest = fc.constantFrom('1', '2').map(d);
  const named = fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', 'z'), digest }), {
    selector: ({ name }) => name,
  });
  const files = fc.oneof(
    named,
    digest.map((one) => [{ digest: one }]),
  );
  const version = fc.dictionary(fc.constantFrom('p', 'q'), fc.constantFrom('1', '2'));
  const fingerprint = fc.record(
    {
      schema: fc.constantFrom(1, 2),
      code: fc.oneof(
        fc.record({ kind: fc.constant('module' as const), bundle: digest, packages: version }),
        fc.record({ kind: fc.constant('command' as const), command: fc.constantFrom('a', 'b') }),
      ),
      params: params as fc.Arbitrary<JsonObject>,
      inputs: fc.dictionary(fc.constantFrom('i', 'j'), files),
      outputs: fc.dictionary(fc.constantFrom('o', 'u'), fc.constantFrom('1', '2')),
      environment: version,
      seed: fc.constantFrom(0, 1),
      numerics: fc.constantFrom('cpu', 'gpu'),
    },
    { requiredKeys: ['schema', 'code', 'params', 'inputs', 'outputs', 'environment', 'seed'] },
  ) as fc.Arbitrary<Fingerprint>;

  it('different keys have at least one change, equal keys have none', () => {
    fc.assert(
      fc.property(fingerprint, fingerprint, (a, b) => {
        expect(explain(a, b).length > 0).toBe(keyOf(a) !== keyOf(b));
        expect(explain(a, a)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('a single changed part is one that explain names', () => {
    fc.assert(
      fc.property(
        fingerprint,
        fc.constantFrom('schema', 'params', 'inputs', 'seed'),
        fingerprint,
        (a, part, b) => {
          const changed = { ...a, [part]: b[part as keyof Fingerprint] };
          expect(explain(a, changed).length > 0).toBe(keyOf(a) !== keyOf(changed));
        },
      ),
    );
  });

  it('keys do not depend on the order in which an object was written', () => {
    const reversed = (value: Json): Json => {
      if (Array.isArray(value)) return value.map((item: Json) => reversed(item));
      if (value === null || typeof value !== 'object') return value;
      const entries = Object.entries(value as JsonObject).reverse();
      return Object.fromEntries(entries.map(([key, item]) => [key, reversed(item)]));
    };
    fc.assert(
      fc.property(fingerprint, (a) => {
        expect(keyOf(reversed(a as unknown as Json) as unknown as Fingerprint)).toBe(keyOf(a));
      }),
    );
  });

  it('stays what it was: stored traces are found by it', () => {
    expect(keyOf(BASE)).toMatchInlineSnapshot(
      `"59542f236a4729cde34071426e8680a362b4f8cb428dade4a6244e9ebe68e079"`,
    );
  });
});
