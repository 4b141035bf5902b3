import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadPipeline } from '../../src/pipe/config/load.ts';
import type { Pipeline } from '../../src/pipe/config/pipeline.ts';
import { dedent, printedProblems, projectFolder } from './project-folder.ts';

const load = (yaml: string | Uint8Array, sets: readonly string[] = []): Promise<Pipeline> =>
  loadPipeline(join(projectFolder({ 'pipeline.yaml': yaml }), 'pipeline.yaml'), sets);

/** Everything that is printed for a faulty file. */
const problems = (yaml: string, sets: readonly string[] = []): Promise<string> => {
  const source = dedent(yaml);
  return printedProblems(source, () => load(source, sets));
};

const stage = (pipeline: Pipeline, name: string) =>
  pipeline.stages.find((spec) => spec.name === name)!;

describe('a valid pipeline file', () => {
  const yaml = dedent(`
    version: 1
    params:
      topK: 100
      wiki: data/wiki
      models: [{ name: mini, path: models/mini }]
      deep: { rate: 0.5, list: [1, two] }
      home: "\${params.wiki}/pages"
    remote: https://cache.example.org
    stages:
      rank:
        use: stages/rank.ts
        inputs: { pages: extract.pages, wiki: "\${params.home}/*.jsonl" }
        params: { topK: "\${params.topK}", note: "top \${params.topK} of \${params.deep.list}", all: "\${params.deep}" }
      train:
        use: stages/train.ts
        matrix: { model: "\${params.models}", candidate: [doc, temp] }
        inputs: { weights: ["\${matrix.model.path}/a", b] }
        params: { candidate: "\${matrix.candidate}" }
        resources: { cpu: 2, gpu: 1, memory: 4GiB, pools: { disk: 1 } }
        retries: 1
        timeout: 1h 30m
        seed: 7
        numerics: strict
      count:
        cmd: head -n \${params.topK} \${inputs.a} > \${outputs.out} # \${HOME}
        inputs: { a: data/a.txt }
        outputs: { out: out.txt }
        env: [LC_ALL]
  `);

  it('keeps the JSON type of a lone reference and writes others as text', async () => {
    const { params } = stage(await load(yaml), 'rank');
    expect(params).toEqual({
      topK: 100,
      note: 'top 100 of [1,"two"]',
      all: { rate: 0.5, list: [1, 'two'] },
    });
  });

  it('resolves params inside params and keeps matrix references for the cells', async () => {
    const pipeline = await load(yaml);
    expect(pipeline.params.home).toBe('data/wiki/pages');
    expect(stage(pipeline, 'rank').inputs[1]).toMatchObject({
      sources: ['data/wiki/pages/*.jsonl'],
    });
    expect(stage(pipeline, 'train').inputs[0]).toMatchObject({
      sources: ['${matrix.model.path}/a', 'b'],
    });
    expect(stage(pipeline, 'train').matrix).toEqual([
      { axis: 'model', values: [{ name: 'mini', path: 'models/mini' }] },
      { axis: 'candidate', values: ['doc', 'temp'] },
    ]);
  });

  it('reads resources, durations and the rest', async () => {
    expect(stage(await load(yaml), 'train')).toMatchObject({
      body: { kind: 'module', use: 'stages/train.ts' },
      resources: { cpu: 2, gpu: 1, memoryBytes: 4 * 2 ** 30, pools: { disk: 1 } },
      retries: 1,
      timeoutMs: 5_400_000,
      seed: 7,
      numerics: 'strict',
    });
  });

  it('knows where things stand, also of a plan that was kept', async () => {
    const file = join(projectFolder({ 'pipeline.yaml': yaml }), 'pipeline.yaml');
    for (const attempt of ['first', 'second']) {
      const places = stage(await loadPipeline(file), 'train').places!;
      expect(places.of('')?.range, attempt).toEqual({ line: 14, column: 3, endColumn: 8 });
      expect(places.of('inputs.weights')?.range).toMatchObject({ line: 17, column: 24 });
      expect(places.of('inputs.weights:key')?.range).toMatchObject({ line: 17, column: 15 });
      expect(places.of('params.none')).toBeUndefined();
    }
  });

  it('fills in defaults', async () => {
    const rank = stage(await load(yaml), 'rank');
    expect(rank).toMatchObject({
      matrix: [],
      resources: { cpu: 1, gpu: 0, memoryBytes: 0, pools: {} },
      retries: 0,
      env: [],
      seed: 0,
      numerics: 'interchangeable',
    });
    expect(rank.timeoutMs).toBeUndefined();
  });

  it('counts a shared param that a command names among its params', async () => {
    const count = stage(await load(yaml), 'count');
    expect(count.params).toEqual({ topK: 100 });
    expect(count.body).toMatchObject({
      cmd: 'head -n ${params.topK} ${inputs.a} > ${outputs.out}',
    });
  });

  it('takes --set of every kind', async () => {
    const pipeline = await load(yaml, [
      'params.topK=50',
      'params.deep.rate=1e-3',
      'params.models.0.path=/somewhere/else',
      'stages.train.params.epochs=1',
      'stages.train.retries=3',
      'stages.train.matrix.candidate=[doc]',
      'stages.rank.inputs.pages=*.jsonl',
      'remote=file:///srv/cache',
    ]);
    expect(pipeline.params).toMatchObject({ topK: 50, deep: { rate: 0.001 } });
    expect(pipeline.remote).toBe('file:///srv/cache');
    expect(stage(pipeline, 'rank').params.topK).toBe(50);
    expect(stage(pipeline, 'rank').inputs[0]!.sources).toEqual(['*.jsonl']);
    expect(stage(pipeline, 'train')).toMatchObject({ retries: 3, params: { epochs: 1 } });
    expect(stage(pipeline, 'train').matrix).toEqual([
      { axis: 'model', values: [{ name: 'mini', path: '/somewhere/else' }] },
      { axis: 'candidate', values: ['doc'] },
    ]);
  });
});

describe('a faulty pipeline file', () => {
  it('tells everything at once, in file order, with line, caret and hint', async () => {
    const printed = await problems(`
      version: 1
      params: { topK: 100, loopA: "\${params.loopB}", loopB: "\${params.loopA}" }
      stages:
        rank:
          use: stages/rank.ts
          retires: 1
          params: { topK: "\${params.topk}", cell: "\${matrix.model}" }
        train:
          cmd: sort \${inputs.b}
          retries: two
          timeout: 2 hours
          numerics: strikt
          inputs: { a: "\${param.topK}" }
        both: { use: a.ts, cmd: b }
        neither: {}
    `);
    expect(printed).toBe(
      dedent(`
        pipeline.yaml:2:55: error: These params refer to each other in a circle: params.loopA → params.loopB → params.loopA. [cycle]
          2 | params: { topK: 100, loopA: "\${params.loopB}", loopB: "\${params.loopA}" }
            |                                                       ^^^^^^^^^^^^^^^^^
          hint: Give one of them a value of its own.

        pipeline.yaml:6:5: error: "retires" is not a key of stages.rank. [unknown-key]
          6 |     retires: 1
            |     ^^^^^^^
          hint: Did you mean "retries"?

        pipeline.yaml:7:21: error: \${params.topk} refers to nothing: params has no "topk". [unknown-reference]
          7 |     params: { topK: "\${params.topk}", cell: "\${matrix.model}" }
            |                     ^^^^^^^^^^^^^^^^
          hint: Did you mean "topK"?

        pipeline.yaml:7:45: error: \${matrix.model} refers to nothing: the matrix has no axis "model". [unknown-reference]
          7 |     params: { topK: "\${params.topk}", cell: "\${matrix.model}" }
            |                                             ^^^^^^^^^^^^^^^^^
          hint: There are no axes of stages.rank.

        pipeline.yaml:9:10: error: \${inputs.b} refers to nothing. [unknown-reference]
          9 |     cmd: sort \${inputs.b}
            |          ^^^^^^^^^^^^^^^^
          hint: Did you mean "a"?

        pipeline.yaml:10:14: error: stages.train.retries must be a whole number ≥ 0, not "two". [bad-value]
          10 |     retries: two
             |              ^^^

        pipeline.yaml:11:14: error: stages.train.timeout must be a duration such as 90s or 2h, not "2 hours". [bad-value]
          11 |     timeout: 2 hours
             |              ^^^^^^^

        pipeline.yaml:12:15: error: stages.train.numerics must be "interchangeable" or "strict", not "strikt". [bad-value]
          12 |     numerics: strikt
             |               ^^^^^^
          hint: Did you mean "strict"?

        pipeline.yaml:13:18: error: \${param.topK} refers to nothing. [unknown-reference]
          13 |     inputs: { a: "\${param.topK}" }
             |                  ^^^^^^^^^^^^^^^
          hint: Did you mean "\${params.topK}"?

        pipeline.yaml:14:22: error: stages.both has both "use" and "cmd". [bad-stage]
          14 |   both: { use: a.ts, cmd: b }
             |                      ^^^
          hint: A stage is either code (use) or a command (cmd).

        pipeline.yaml:15:3: error: stages.neither has neither "use" nor "cmd". [bad-stage]
          15 |   neither: {}
             |   ^^^^^^^
          hint: A stage is either code (use) or a command (cmd).
      `),
    );
  });

  it('names the field that a matrix value lacks', async () => {
    const printed = await problems(`
      version: 1
      stages:
        a:
          cmd: "true"
          matrix: { model: [{ name: m, path: p }] }
          inputs: { x: "\${matrix.model.pth}" }
          retries: "\${matrix.model.name}"
    `);
    expect(printed).toBe(
      dedent(`
        pipeline.yaml:6:18: error: \${matrix.model.pth} refers to nothing: the value {"name":"m","path":"p"} has no "pth". [unknown-reference]
          6 |     inputs: { x: "\${matrix.model.pth}" }
            |                  ^^^^^^^^^^^^^^^^^^^^^
          hint: Did you mean "path"?

        pipeline.yaml:7:14: error: \${matrix.model.name} cannot stand here: this is the same for all cells of the matrix. [bad-reference]
          7 |     retries: "\${matrix.model.name}"
            |              ^^^^^^^^^^^^^^^^^^^^^^
          hint: Matrix values can be used in a stage's params, inputs, seed and cmd.
      `),
    );
  });

  it('refuses a reference loop through text, and a matrix without values', async () => {
    const printed = await problems(`
      version: 1
      params: { none: [] }
      stages:
        a: { use: a.ts, matrix: { seed: "\${params.none}" } }
    `);
    expect(printed).toBe(
      dedent(`
        pipeline.yaml:4:35: error: stages.a.matrix.seed must be a list with at least one value, not an empty list. [bad-value]
          4 |   a: { use: a.ts, matrix: { seed: "\${params.none}" } }
            |                                   ^^^^^^^^^^^^^^^^
      `),
    );
  });

  it('says what is wrong with a --set, naming the nearest path', async () => {
    const yaml = `
      version: 1
      params: { topK: 1, deep: { rate: 1 } }
      stages:
        train: { use: a.ts, retries: 1 }
    `;
    const sets = [
      'params.topk=3',
      'params.deep.rat=3',
      'stages.trian.retries=3',
      'stages.train.retires=3',
      'stage.train.retries=3',
      'novalue',
      'stages.train.retries=many',
    ];
    expect(await problems(yaml, sets)).toBe(
      dedent(`
        error: --set params.topk=3: the pipeline has no params.topk. [unknown-set]
          hint: Did you mean "params.topK"?

        error: --set params.deep.rat=3: the pipeline has no params.deep.rat. [unknown-set]
          hint: Did you mean "params.deep.rate"?

        error: --set stages.trian.retries=3: the pipeline has no stages.trian. [unknown-set]
          hint: Did you mean "stages.train"?

        error: --set stages.train.retires=3: the pipeline has no stages.train.retires. [unknown-set]
          hint: Did you mean "stages.train.retries"?

        error: --set stage.train.retries=3: the pipeline has no stage. [unknown-set]
          hint: Did you mean "stages"?

        error: --set novalue: expected path=value. [bad-set]
          hint: For example --set params.topK=50 or --set stages.train.params.epochs=1.

        --set stages.train.retries=many: error: stages.train.retries must be a whole number ≥ 0, not "many". [bad-value]
      `),
    );
  });

  it('reports duplicate keys and tabs where they stand', async () => {
    const printed = await problems('version: 1\nstages:\n  a: { use: a.ts }\n  a: { use: b.ts }\n');
    expect(printed).toBe(
      dedent(`
        pipeline.yaml:4:3: error: This key stands here a second time. [duplicate-key]
          4 |   a: { use: b.ts }
            |   ^
          hint: Keep one of the two: the other would be ignored.
      `),
    );
    expect(await problems('version: 1\nstages:\n\ta: { use: a.ts }')).toBe(
      [
        'pipeline.yaml:3:1: error: YAML allows no tab in indentation. [tab]',
        '  3 | \ta: { use: a.ts }',
        '    | ^',
        '  hint: Indent with blanks.',
      ].join('\n'),
    );
  });

  it('refuses an alias bomb, an empty file, a list and other bytes than UTF-8', async () => {
    const rows = Array.from({ length: 12 }, (_, i) =>
      i === 0 ? 'a0: &a0 [x, x]' : `a${i}: &a${i} [*a${i - 1}, *a${i - 1}, *a${i - 1}]`,
    );
    expect(await problems(rows.join('\n'))).toMatch(
      /^pipeline\.yaml: error: The aliases .* \[too-many-aliases\]/,
    );
    expect(await problems('# nothing\n')).toBe(
      'pipeline.yaml: error: The pipeline file is empty. [empty-file]\n  hint: Begin with "version: 1" and "stages:".',
    );
    expect(await problems('- a')).toMatch(/the file must be a mapping, not a list\. \[bad-type\]/);
    const latin = Buffer.concat([Buffer.from('version: 1\n# caf'), Buffer.from([0xe9, 0x0a])]);
    const printed = await printedProblems('version: 1\n# caf?', () => load(latin));
    expect(printed).toMatch(/^pipeline\.yaml:2:6: error: The file is not UTF-8 text: byte 16/);
  });

  it('says so when there is no such file', async () => {
    await expect(loadPipeline('/nonexistent/pipeline.yaml')).rejects.toThrow(
      'There is no /nonexistent/pipeline.yaml.',
    );
  });
});

describe('the kept plan', () => {
  const yaml =
    'version: 1\nparams: { a: 1 }\nstages: { s: { use: a.ts, params: { a: "${params.a}" } } }\n';
  const keptFiles = (root: string) => readdirSync(join(root, 'cache', 'plan'));

  it('answers an unchanged file and reads a changed one anew', async () => {
    const root = projectFolder({ 'pipeline.yaml': yaml });
    const file = join(root, 'pipeline.yaml');
    const first = await loadPipeline(file);
    expect(await loadPipeline(file)).toEqual(first);
    expect(keptFiles(root)).toHaveLength(1);
    writeFileSync(file, yaml.replace('a: 1', 'a: 2'));
    expect((await loadPipeline(file)).params).toEqual({ a: 2 });
    expect((await loadPipeline(file, ['params.a=3'])).params).toEqual({ a: 3 });
    expect(keptFiles(root)).toHaveLength(3);
  });

  it('takes a truncated or edited plan for none, at every length', async () => {
    const root = projectFolder({ 'pipeline.yaml': yaml });
    const file = join(root, 'pipeline.yaml');
    const first = await loadPipeline(file);
    const kept = join(root, 'cache', 'plan', keptFiles(root)[0]!);
    const text = readFileSync(kept, 'utf8');
    const lengths = [0, 1, 70, text.length >> 1, text.length - 1];
    for (const length of lengths) {
      writeFileSync(kept, text.slice(0, length));
      expect(await loadPipeline(file)).toEqual(first);
    }
    writeFileSync(kept, text.replace('"a":1', '"a":9'));
    expect(await loadPipeline(file)).toEqual(first);
  });
});
