import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { memory as backendMemory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embed, forwardBlocks, loadModel, tokenLogProbabilities } from '../../src/lm/model.ts';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';
import { loadMemory } from '../../src/memory/files.ts';
import evaluate from '../../stages/eval.ts';
import { countingMemo, fanIn, files, runStage } from './stage-run.ts';
import { makeWorld, PARAMS, promptLines, QUESTIONS, type World, writeLines } from './world.ts';

interface Row {
  candidate: string;
  shots: number;
  scoring: string;
  n: number;
  accuracy: number;
  maxAbsLogitDelta: number;
  changedPredictions: number;
  invalidRate: number;
}

let world: World;
beforeAll(async () => {
  world = await makeWorld({ doc: 1, temp: 1 });
});
afterAll(() => rmSync(world.folder, { recursive: true }));

function run(
  name: string,
  options: {
    params?: object;
    memo?: ReturnType<typeof countingMemo>;
    memories?: ReturnType<typeof fanIn>;
  } = {},
) {
  const { memo, memories = world.inputs.memories } = options;
  return runStage(evaluate, {
    folder: join(world.folder, name),
    params: { ...PARAMS, ...options.params },
    inputs: { ...world.inputs, memories },
    ...(memo ? { memo } : {}),
  });
}

/** Memories by the candidates' names; each value is the folder of what was made under that name. */
function memoriesOf(byCandidate: Readonly<Record<string, string>>) {
  return fanIn(
    Object.entries(byCandidate).map(([candidate, made]) => [
      { candidate },
      join(world.folder, made),
    ]),
  );
}

/** log p of what follows `prompt` in `whole`, all of it through the whole model at once. */
async function plainly(candidate: string, prompts: readonly string[], tail: string) {
  const folder = join(world.folder, 'model');
  const { encode } = loadTokenizer(folder);
  const model = await loadModel(folder, { from: 0, to: 5, embedding: true, head: true });
  const memory =
    candidate === 'pretrained' ? undefined : await loadMemory(join(world.folder, candidate));
  const sums: number[] = [];
  for (const prompt of prompts) {
    const ids = Int32Array.from(encode(prompt + tail));
    const embedded = embed(model, ids.subarray(0, -1));
    const adapters = memory?.on(model).adapters ?? new Map();
    const h = forwardBlocks(model, embedded, { batch: 1, length: ids.length - 1, adapters });
    const logs = await tokenLogProbabilities(model, h, ids.subarray(1));
    const own = logs.subarray(encode(prompt).length - 1);
    sums.push(own.reduce((sum, value) => sum + value, 0));
    embedded.dispose();
    h.dispose();
  }
  memory?.dispose();
  model.dispose();
  return sums;
}

function linesOf(path: string) {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('eval', () => {
  test('leaves a prediction for every candidate, number of shots and question', async () => {
    const { outputs } = await run('all');
    const predictions = linesOf(outputs.predictions!);
    expect(predictions).toHaveLength((3 * 3 + 2) * QUESTIONS.length); // and two baselines, once
    expect(Object.keys(predictions[0])).toEqual([
      'model',
      'candidate',
      'seed',
      'shots',
      'shotSeed',
      'letters',
      'scoring',
      'claimId',
      'page',
      'prompt',
      'gold',
      'predicted',
      'scores',
    ]);
    for (const { predicted, scores, prompt } of predictions) {
      if (scores === null) continue;
      expect(prompt).toMatch(/^[0-9a-f]{16}$/);
      const letter = Object.entries(scores as Record<string, number>).sort(
        (a, b) => b[1] - a[1],
      )[0]![0];
      expect(predicted).toBe({ a: 'SUPPORTS', b: 'REFUTES', c: 'NOT ENOUGH INFO' }[letter]);
      expect(Object.values(scores as object).every((score) => score < 0)).toBe(true);
    }
  });

  test('scores are those of the written-out answers, letter by letter', async () => {
    const { outputs } = await run('letters', { params: { shots: [1] } });
    const predictions = linesOf(outputs.predictions!);
    const prompts = promptLines(QUESTIONS, [1]).map((line) => (line as { prompt: string }).prompt);
    for (const candidate of ['pretrained', 'doc']) {
      const own = predictions.filter((item) => item.candidate === candidate);
      expect(own).toHaveLength(prompts.length);
      const byLetter: Record<string, number[]> = {};
      for (const letter of ['a', 'b', 'c']) {
        byLetter[letter] = await plainly(candidate, prompts, ` (${letter})`);
        own.forEach(({ scores }, at) => {
          expect(Math.abs(scores[letter] - byLetter[letter]![at]!)).toBeLessThan(1e-4);
        });
      }
      // The letters are far enough apart that a swap would show.
      const { a, b, c } = byLetter;
      for (const [one, other] of [
        [a!, b!],
        [b!, c!],
        [a!, c!],
      ] as const) {
        expect(Math.max(...one.map((value, at) => Math.abs(value - other[at]!)))).toBeGreaterThan(
          1e-2,
        );
      }
    }
  });

  test('rows count, compare and bound what the predictions say', async () => {
    const { outputs } = await run('rows');
    const predictions = linesOf(outputs.predictions!);
    const results = JSON.parse(readFileSync(outputs.results!, 'utf8'));
    expect(results.rows).toHaveLength(9 + 2);
    for (const row of results.rows as Row[]) {
      const own = predictions.filter((p) => p.candidate === row.candidate && p.shots === row.shots);
      expect(row.accuracy).toBe(own.filter((p) => p.gold === p.predicted).length / own.length);
      if (row.scoring === 'claim-only') continue;
      const reference = predictions.filter(
        (p) => p.candidate === 'pretrained' && p.shots === row.shots,
      );
      const changed = own.filter((p, at) => p.predicted !== reference[at].predicted).length;
      expect(row.changedPredictions).toBe(changed / own.length);
      if (row.candidate === 'pretrained') expect(row.maxAbsLogitDelta).toBe(0);
      else expect(row.maxAbsLogitDelta).toBeGreaterThan(0);
    }
    const { candidates, comparisons, families, design } = results;
    const names = ['pretrained', 'doc', 'temp', 'majority', 'naive-bayes'];
    expect(candidates.map(({ name }: { name: string }) => name)).toEqual(names);
    expect(candidates[1]).toMatchObject({ kind: 'memory', seeds: [0], blocks: [3] });
    expect(candidates[1].memories).toEqual([world.inputs.memories.files[0]!.digest]);
    expect(results.parameters).toBeGreaterThan(50_000);
    expect(design).toMatchObject({ questions: QUESTIONS.length, pages: 4, clusters: 4 });
    const counts = families.map(({ name, tests }: { name: string; tests: number }) => [
      name,
      tests,
    ]);
    expect(Object.fromEntries(counts)).toEqual({
      'memories against pretrained': 6,
      'memories against pretrained, all shots': 2,
      'controls against pretrained, all shots': 2,
      'memories against controls, all shots': 2,
      'memories against each other, all shots': 1,
      'few shots against none': 3,
    });
    expect(comparisons).toHaveLength(16);
    const accuracyOf = (candidate: string, shots: number) =>
      (results.rows as Row[]).find((row) => row.candidate === candidate && row.shots === shots)!
        .accuracy;
    for (const item of comparisons) {
      if (item.shots === null || item.family === 'few shots against none') continue;
      const { candidate, against, shots, difference } = item;
      const expected = accuracyOf(candidate, shots) - accuracyOf(against, shots);
      expect(difference).toBeCloseTo(expected, 12);
    }
    const knowledge = results.claims.filter(
      ({ candidate }: { candidate: string }) => candidate === 'doc',
    );
    expect(knowledge.map(({ control }: { control: string }) => control)).toEqual([
      'pretrained',
      'doc-wrong-pages',
      'random',
      'naive-bayes',
      'gold-page',
    ]);
    expect(knowledge[1]).toMatchObject({ verdict: 'control not run', comparison: null });
  });

  test('prints a table with every candidate, baselines and effects', async () => {
    const { outputs } = await run('table');
    const table = readFileSync(outputs.table!, 'utf8');
    for (const word of [
      'pretrained',
      'doc',
      'temp',
      '0 shots',
      '1 shot',
      '2 shots',
      'majority',
      'naive-bayes',
      'max |Δ logit|',
      'changed',
      `${QUESTIONS.length} questions`,
    ]) {
      expect(table).toContain(word);
    }
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
  });

  test('does not depend on the other candidates', async () => {
    const scores = async (name: string, byCandidate: Readonly<Record<string, string>>) => {
      const { outputs } = await run(name, { memories: memoriesOf(byCandidate) });
      return linesOf(outputs.predictions!)
        .filter(({ candidate }) => candidate === 'doc')
        .flatMap(({ scores }) => Object.values(scores as Record<string, number>));
    };
    const alone = await scores('alone', { doc: 'doc' });
    expect(alone).toHaveLength(3 * 3 * QUESTIONS.length);
    for (const others of [
      { doc: 'doc', temp: 'temp' },
      { temp: 'temp', doc: 'doc' },
    ]) {
      const beside = await scores(`beside ${Object.keys(others)}`, others);
      expect(beside).toHaveLength(alone.length);
      beside.forEach((score, at) => {
        expect(Math.abs(score - alone[at]!)).toBeLessThan(1e-4);
      });
    }
  });

  test('does not take one memory’s answers for another’s', async () => {
    const memo = countingMemo();
    const params = { scoring: ['likelihood', 'generate'], shots: [1] };
    const predictions = async (name: string, made: string, kept?: typeof memo) => {
      const memories = memoriesOf({ doc: made });
      const { outputs } = await run(name, { params, memories, ...(kept ? { memo: kept } : {}) });
      return linesOf(outputs.predictions!);
    };
    const first = await predictions('one memory', 'doc', memo);
    const second = await predictions('another memory', 'temp', memo);
    expect(memo.hits).toBeGreaterThan(0);
    expect(second).not.toEqual(first);
    expect(second).toEqual(await predictions('another anew', 'temp'));
  });

  test('does not depend on how many rows run at once', async () => {
    const scores = async (name: string, params: object) =>
      linesOf((await run(name, { params })).outputs.predictions!).flatMap(({ scores }) =>
        Object.values((scores ?? {}) as object),
      );
    const [wide, narrow] = [
      await scores('wide', { batch: 500 }),
      await scores('narrow', { batch: 1 }),
    ];
    expect(narrow).toHaveLength(wide.length);
    narrow.forEach((score, at) => {
      expect(Math.abs(score - wide[at])).toBeLessThan(1e-4);
    });
  });

  test('writes the same bytes again, from memory or anew', async () => {
    const memo = countingMemo();
    const first = await run('first', { memo });
    expect(memo.hits).toBe(0);
    expect(first.notes[0]).toBe(
      `re-scored ${QUESTIONS.length} of ${QUESTIONS.length} claims: ${3 * 3 * QUESTIONS.length} forward passes`,
    );
    const second = await run('second', { memo });
    expect(second.notes[0]).toBe(`re-scored 0 of ${QUESTIONS.length} claims: 0 forward passes`);
    const third = await run('third');
    for (const name of ['predictions', 'results', 'table']) {
      const bytes = readFileSync(first.outputs[name]!, 'utf8');
      expect(readFileSync(second.outputs[name]!, 'utf8')).toBe(bytes);
      expect(readFileSync(third.outputs[name]!, 'utf8')).toBe(bytes);
    }
  });

  test('an edited claim costs its own forward passes, and gives what a run from nothing gives', async () => {
    const memo = countingMemo();
    await run('before', { memo });
    const edited = QUESTIONS.map((item, at) =>
      at === 0 ? { ...item, claim: 'The mill stands.' } : item,
    );
    const prompts = join(world.folder, 'prompts.jsonl');
    writeLines(prompts, promptLines(edited, [0, 1, 2]));
    try {
      const after = await run('after', { memo });
      expect(after.notes[0]).toBe(
        `re-scored 1 of ${QUESTIONS.length} claims: ${3 * 3} forward passes`, // candidates × shots
      );
      const anew = await run('anew');
      for (const name of ['predictions', 'results', 'table']) {
        const bytes = readFileSync(after.outputs[name]!, 'utf8');
        expect(readFileSync(anew.outputs[name]!, 'utf8')).toBe(bytes);
      }
    } finally {
      writeLines(prompts, promptLines(QUESTIONS, [0, 1, 2]));
    }
  });

  test('controls are candidates like any other', async () => {
    const pages = join(world.folder, 'pages.jsonl');
    const titles = [...new Set(QUESTIONS.map(({ page }) => page))];
    writeLines(
      pages,
      titles.map((page) => ({ page, text: 'The mill stands by the harbour. '.repeat(9) })),
    );
    const options = {
      folder: join(world.folder, 'controls'),
      params: { ...PARAMS, shots: [1], controls: ['random', 'gate-0', 'gold-page'] },
    };
    const without = { ...options, inputs: world.inputs };
    await expect(runStage(evaluate, without)).rejects.toThrow('gold-page needs the pages');
    const inputs = { ...world.inputs, pages: files(pages) };
    const { outputs } = await runStage(evaluate, { ...options, inputs });
    const { rows, claims } = JSON.parse(readFileSync(outputs.results!, 'utf8'));
    const row = (name: string) => rows.find((item: Row) => item.candidate === name);
    expect(row('gate-0')).toMatchObject({
      kind: 'control',
      maxAbsLogitDelta: 0,
      changedPredictions: 0,
    });
    expect(row('gate-0').accuracy).toBe(row('pretrained').accuracy);
    expect(row('random').maxAbsLogitDelta).toBeGreaterThan(0);
    expect(row('gold-page')).toMatchObject({ kind: 'control', maxAbsLogitDelta: null });
    const prompts = linesOf(outputs.predictions!).filter(({ claimId }) => claimId === 0);
    const digest = (name: string) => prompts.find(({ candidate }) => candidate === name).prompt;
    expect(digest('random')).toBe(digest('pretrained'));
    expect(digest('gold-page')).not.toBe(digest('pretrained'));
    const verdicts = claims.filter(({ control }: { control: string }) => control === 'random');
    expect(verdicts.map(({ verdict }: { verdict: string }) => verdict)).not.toContain(
      'control not run',
    );
  });

  test('a memory of other pages answers only for pages that it never saw', async () => {
    const titles = [...new Set(QUESTIONS.map(({ page }) => page))];
    const folds = join(world.folder, 'folds.jsonl');
    writeLines(
      folds,
      titles.map((page, at) => ({ page, fold: at % 2 })),
    );
    const other = await makeWorld({ first: 1, second: 1.5 });
    const { outputs } = await runStage(evaluate, {
      folder: join(world.folder, 'folded'),
      params: { ...PARAMS, shots: [1] },
      inputs: {
        ...world.inputs,
        folds: fanIn([[{ fold: '0' }, folds]]),
        otherPages: fanIn([
          [{ candidate: 'doc', fold: '0' }, join(other.folder, 'first')],
          [{ candidate: 'doc', fold: '1' }, join(other.folder, 'second')],
        ]),
      },
    });
    const predictions = linesOf(outputs.predictions!);
    const own = predictions.filter(({ candidate }) => candidate === 'doc-wrong-pages');
    const alone = async (name: string) => {
      const { outputs: whole } = await runStage(evaluate, {
        folder: join(world.folder, `folded ${name}`),
        params: { ...PARAMS, shots: [1] },
        inputs: {
          ...world.inputs,
          memories: fanIn([[{ candidate: 'x' }, join(other.folder, name)]]),
        },
      });
      return linesOf(whole.predictions!).filter(({ candidate }) => candidate === 'x');
    };
    const byFold = [await alone('first'), await alone('second')];
    own.forEach((item, at) => {
      const fold = titles.indexOf(item.page) % 2;
      expect(item.scores).toEqual(byFold[fold]![at].scores);
    });
    expect(own.map(({ scores }) => scores)).not.toEqual(byFold[0]!.map(({ scores }) => scores));
    rmSync(other.folder, { recursive: true });
  });

  test('several seeds are replicates of one candidate', async () => {
    const memories = fanIn([
      [{ candidate: 'doc', seed: '1' }, join(world.folder, 'doc')],
      [{ candidate: 'doc', seed: '2' }, join(world.folder, 'temp')],
    ]);
    const { outputs } = await run('seeds', { memories, params: { shots: [1] } });
    const own = linesOf(outputs.predictions!).filter(({ candidate }) => candidate === 'doc');
    expect([...new Set(own.map(({ seed }) => seed))]).toEqual([1, 2]);
    const { rows, comparisons } = JSON.parse(readFileSync(outputs.results!, 'utf8'));
    const row = rows.find((item: Row) => item.candidate === 'doc');
    expect(row).toMatchObject({ n: QUESTIONS.length, seeds: [1, 2] });
    expect(row.replicates).toHaveLength(2);
    const mean = (row.replicates[0].accuracy + row.replicates[1].accuracy) / 2;
    expect(row.accuracy).toBeCloseTo(mean, 12);
    expect(comparisons[0]).toMatchObject({ candidate: 'doc', seeds: [1, 2], pMcNemar: null });
  });

  test('every scoring reads its answers off the same prompts', async () => {
    const scoring = ['likelihood', 'per-token', 'per-byte', 'calibrated', 'pmi'];
    const { outputs, notes } = await run('scorings', { params: { scoring, shots: [1] } });
    const predictions = linesOf(outputs.predictions!).filter(({ scores }) => scores !== null);
    expect(predictions).toHaveLength(3 * scoring.length * QUESTIONS.length);
    // Beside the prompts: a claim without content for each page, and the empty context.
    const texts = QUESTIONS.length + 4 + 1;
    expect(notes[0]).toContain(`${3 * texts} forward passes`);
    const [whole, perByte] = ['likelihood', 'per-byte'].map((name) =>
      predictions.filter((item) => item.scoring === name),
    );
    whole!.forEach((item, at) => {
      expect(perByte![at].predicted).toBe(item.predicted); // all answers have 4 bytes
      expect(perByte![at].scores.a).toBeCloseTo(item.scores.a / 4, 4);
    });
  });

  test('leaves no tensor behind', async () => {
    await run('warm');
    const before = backendMemory().numTensors;
    await run('again');
    expect(backendMemory().numTensors).toBe(before);
  });

  test('asks only with the numbers of shots that are wanted, and says which have no prompt', async () => {
    const { outputs } = await run('one', { params: { shots: [1] } });
    expect(linesOf(outputs.predictions!)).toHaveLength((3 + 2) * QUESTIONS.length);
    await expect(run('none', { params: { shots: [1, 4, 5] } })).rejects.toMatchObject({
      name: 'StageError',
      message: expect.stringContaining('no prompt has 4, 5 shots'),
    });
  });

  test('generation reads the answer that is written, INVALID where there is none', async () => {
    const { outputs } = await run('generate', { params: { scoring: ['generate'], shots: [1] } });
    const predictions = linesOf(outputs.predictions!).filter(
      ({ scoring }) => scoring === 'generate',
    );
    expect(predictions).toHaveLength(3 * QUESTIONS.length);
    for (const { scoring, scores } of predictions)
      expect({ scoring, scores }).toEqual({ scoring: 'generate', scores: null });
    const { rows } = JSON.parse(readFileSync(outputs.results!, 'utf8')) as { rows: Row[] };
    for (const row of rows.filter((item) => item.scoring === 'generate')) {
      const own = predictions.filter(({ candidate }) => candidate === row.candidate);
      const invalid = own.filter(({ predicted }) => predicted === 'INVALID').length;
      expect(row.invalidRate).toBe(invalid / own.length);
    }
    // A random model of 330 words hardly writes "(a)" in four tokens.
    expect(rows[0]!.invalidRate).toBeGreaterThan(0.5);
  });
});

describe('the effect gate', () => {
  test('fails when a memory changes no logit, and names it', async () => {
    const withVoid = await makeWorld({ doc: 1, temp: 0 });
    const options = {
      folder: join(withVoid.folder, 'out'),
      params: PARAMS,
      inputs: withVoid.inputs,
    };
    await expect(runStage(evaluate, options)).rejects.toMatchObject({
      name: 'StageError',
      message: expect.stringContaining('"temp" changes no logit'),
    });
    const params = { ...PARAMS, voidMemories: ['temp'] };
    const { outputs } = await runStage(evaluate, { ...options, params });
    const { rows } = JSON.parse(readFileSync(outputs.results!, 'utf8')) as { rows: Row[] };
    const own = rows.filter(({ candidate }) => candidate === 'temp');
    expect(own.map(({ maxAbsLogitDelta }) => maxAbsLogitDelta)).toEqual([0, 0, 0]);
    expect(own.map(({ changedPredictions }) => changedPredictions)).toEqual([0, 0, 0]);
    const both = { ...params, scoring: ['likelihood', 'generate'] };
    await runStage(evaluate, { ...options, params: both });
    rmSync(withVoid.folder, { recursive: true });
  });

  test('exempts no memory that is not there', async () => {
    await expect(run('mistyped', { params: { voidMemories: ['tmep'] } })).rejects.toMatchObject({
      name: 'StageError',
      message: expect.stringContaining('"tmep"'),
    });
  });
});
