/**
 * A random pipeline and what it should make, worked out without the engine: the oracle of the
 * property tests. Every task adds its inputs and its param, modulo 5.
 */
import fc from 'fast-check';

export interface World {
  /** `s0.txt`, `s1.txt`: one number each. */
  readonly sources: readonly number[];
  /** `f/<name>.txt`, read by a glob. */
  readonly files: { readonly [name: string]: number };
  readonly stages: readonly Stage[];
}

export interface Stage {
  readonly param: number;
  /** `folder` writes its number and a second file; `constant` writes 4 whatever it reads. */
  readonly kind: 'sum' | 'folder' | 'constant';
  /** Two cells, 0 and 1; the cell is added too. */
  readonly hasMatrix: boolean;
  readonly source: number;
  readonly readsFiles: boolean;
  /** Indices of earlier stages. */
  readonly reads: readonly number[];
}

export const MODULUS = 5;
const digit = fc.nat(MODULUS - 1);
const NAMES = ['a', 'b', 'c'];

export const worlds: fc.Arbitrary<World> = fc.integer({ min: 1, max: 6 }).chain((count) =>
  fc.record({
    sources: fc.tuple(digit, digit),
    files: fc.dictionary(fc.constantFrom(...NAMES), digit).map((files) => ({ z: 1, ...files })),
    stages: fc.tuple(...Array.from({ length: count }, (_, index) => stageAt(index))),
  }),
);

function stageAt(index: number): fc.Arbitrary<Stage> {
  return fc.record({
    param: digit,
    kind: fc.constantFrom('sum', 'sum', 'folder', 'constant'),
    hasMatrix: fc.boolean(),
    source: fc.nat(1),
    readsFiles: fc.boolean(),
    reads: fc.subarray(Array.from({ length: index }, (_, earlier) => earlier)),
  });
}

/** A change of the world: of its data, of its plan, or back to how it was once. */
export type Edit =
  | { readonly kind: 'source'; readonly at: number; readonly value: number }
  | { readonly kind: 'file'; readonly name: string; readonly value: number | undefined }
  | { readonly kind: 'param' | 'stage' | 'edge'; readonly at: number; readonly value: number }
  | { readonly kind: 'back'; readonly at: number };

export const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ kind: fc.constant('source' as const), at: fc.nat(1), value: digit }),
  fc.record({
    kind: fc.constant('file' as const),
    name: fc.constantFrom(...NAMES),
    value: fc.option(digit, { nil: undefined }),
  }),
  fc.record({ kind: fc.constantFrom('param', 'stage', 'edge'), at: fc.nat(5), value: digit }),
  fc.record({ kind: fc.constant('back' as const), at: fc.nat(5) }),
);

export function applyEdit(world: World, edit: Edit, past: readonly World[]): World {
  if (edit.kind === 'back') return past[edit.at % Math.max(1, past.length)] ?? world;
  if (edit.kind === 'source') {
    return { ...world, sources: world.sources.with(edit.at, edit.value) };
  }
  if (edit.kind === 'file') return { ...world, files: withFile(world.files, edit) };
  const at = edit.at % world.stages.length;
  const stage = changed(world.stages[at] as Stage, edit, at);
  return { ...world, stages: world.stages.with(at, stage) };
}

function withFile(files: World['files'], { name, value }: Edit & { kind: 'file' }): World['files'] {
  const others = Object.entries(files).filter(([each]) => each !== name);
  return Object.fromEntries(value === undefined ? others : [...others, [name, value]]);
}

function changed(
  stage: Stage,
  { kind, value }: { kind: string; value: number },
  at: number,
): Stage {
  if (kind === 'param') return { ...stage, param: value };
  if (kind === 'stage')
    return { ...stage, kind: (['sum', 'folder', 'constant'] as const)[value % 3] ?? 'sum' };
  if (at === 0) return { ...stage, readsFiles: !stage.readsFiles };
  const other = value % at;
  const isRead = stage.reads.includes(other);
  const reads = isRead ? stage.reads.filter((each) => each !== other) : [...stage.reads, other];
  return { ...stage, reads: reads.sort() };
}

// --- What the engine is told ---

/**
 * The first line is for the puppet that plays the shell in one process; a real shell skips it. A file
 * `fail` in the home folder makes whoever runs first remove it and fail.
 */
export function yamlOf(world: World): string {
  const stages = world.stages.map((stage, index) => {
    const names = inputsOf(stage).map(([name]) => `\${inputs.${name}}`);
    const cell = stage.hasMatrix ? `\${params.m}` : '0';
    const script = [
      `: ${stage.kind} \${params.p} ${cell} \${outputs.out} ${names.join(' ')}`,
      'if rm "$HOME/fail" 2>/dev/null; then exit 1; fi',
      `t=$(( \${params.p} + ${cell} ))`,
      `for f in ${names.join(' ')}; do if [ -d "$f" ]; then f="$f/v"; fi; t=$(( t + $(cat "$f") )); done`,
      stage.kind === 'constant' ? 't=4' : ':',
      stage.kind === 'folder'
        ? `echo k > \${outputs.out}/k; echo $(( t % ${MODULUS} )) > \${outputs.out}/v`
        : `echo $(( t % ${MODULUS} )) > \${outputs.out}`,
    ].join('\n');
    const params = stage.hasMatrix
      ? `{ p: ${stage.param}, m: "\${matrix.m}" }`
      : `{ p: ${stage.param} }`;
    const inputs = inputsOf(stage).map(([name, from]) => `${name}: ${JSON.stringify(from)}`);
    return [
      `  t${index}:`,
      `    cmd: ${JSON.stringify(script)}`,
      ...(stage.hasMatrix ? ['    matrix: { m: [0, 1] }'] : []),
      `    params: ${params}`,
      `    inputs: { ${inputs.join(', ')} }`,
      `    outputs: { out: ${stage.kind === 'folder' ? 'out/' : 'out.txt'} }`,
    ].join('\n');
  });
  return `version: 1\nstages:\n${stages.join('\n')}\n`;
}

function inputsOf(stage: Stage): [name: string, from: string][] {
  return [
    ['s', `s${stage.source}.txt`],
    ...(stage.readsFiles ? [['g', 'f/*.txt'] as [string, string]] : []),
    ...stage.reads.map((each) => [`u${each}`, `t${each}.out`] as [string, string]),
  ];
}

// --- What it should make ---

export interface Expected {
  readonly task: string;
  readonly kind: Stage['kind'];
  readonly value: number;
  /** Names all that the task's outputs depend on: tasks with equal names share a result. */
  readonly key: string;
}

export function expectedOf(world: World): Expected[] {
  const done: Expected[][] = [];
  for (const [index, stage] of world.stages.entries()) {
    const cells = stage.hasMatrix ? [0, 1] : [undefined];
    done.push(cells.map((cell) => expect(world, stage, index, cell, done)));
  }
  return done.flat();
}

function expect(
  world: World,
  stage: Stage,
  index: number,
  cell: number | undefined,
  done: readonly (readonly Expected[])[],
): Expected {
  const source = world.sources[stage.source] ?? 0;
  const names = Object.keys(world.files).sort();
  const files = stage.readsFiles ? names.map((name) => [name, world.files[name] ?? 0]) : undefined;
  const upstream = stage.reads.map(
    (each) => [each, seenFrom(stage, cell, done[each] ?? [])] as const,
  );
  const read = upstream.flatMap(([, entries]) => entries.map(({ value }) => value));
  const globbed = (files ?? []).map(([, value]) => Number(value));
  const sum = [stage.param, cell ?? 0, source, ...globbed, ...read].reduce((a, b) => a + b, 0);
  const value = stage.kind === 'constant' ? 4 : sum % MODULUS;
  const inputs = upstream.map(([each, entries]) => [
    each,
    entries.map(({ kind, value: content, cellName }) => [cellName, kind === 'folder', content]),
  ]);
  return {
    task: cell === undefined ? `t${index}` : `t${index}@${cell}`,
    kind: stage.kind,
    value,
    key: JSON.stringify([stage.kind, stage.param, cell ?? null, source, files ?? null, inputs]),
  };
}

/** The cell that shares the label, or all cells in their order with what tells them apart. */
function seenFrom(stage: Stage, cell: number | undefined, cells: readonly Expected[]) {
  if (cells.length === 1) return cells.map((each) => ({ ...each, cellName: '' }));
  if (stage.hasMatrix)
    return cells.slice(cell, (cell ?? 0) + 1).map((each) => ({ ...each, cellName: '' }));
  return cells.map((each, index) => ({ ...each, cellName: `m=${index}` }));
}
