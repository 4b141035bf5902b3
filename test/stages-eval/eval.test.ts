import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { memory as backendMemory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embed, forwardBlocks, loadModel, tokenLogProbabilities } from '../../src/lm/model.ts';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';
import { loadMemory } from '../../src/memory/files.ts';
import evaluate from '../../stages/eval.ts';
import { countingMemo, fanIn, runStage } from './stage-run.ts';
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
    expect(predictions).toHaveLength(3 * 3 * QUESTIONS.length);
    expect(Object.keys(predictions[0])).toEqual([
      'model',
      'candidate',
      'shots',
      'scoring',
      'seed',
      'claimId',
      'page',
      'gold',
      'predicted',
      'scores',
    ]);
    for (const { predicted, scores } of predictions) {
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
    expect(results.rows).toHaveLength(9);
    for (const row of results.rows as Row[]) {
      const own = predictions.filter((p) => p.candidate === row.candidate && p.shots === row.shots);
      const reference = predictions.filter(
        (p) => p.candidate === 'pretrained' && p.shots === row.shots,
      );
      expect(row.accuracy).toBe(own.filter((p) => p.gold === p.predicted).length / own.length);
      const changed = own.filter((p, at) => p.predicted !== reference[at].predicted).length;
      expect(row.changedPredictions).toBe(changed / own.length);
      if (row.candidate === 'pretrained') expect(row.maxAbsLogitDelta).toBe(0);
      else expect(row.maxAbsLogitDelta).toBeGreaterThan(0);
    }
    expect(results.memories).toEqual(
      ['doc', 'temp'].map((candidate) => ({ candidate, blocks: [3] })),
    );
    expect(results.parameters).toBeGreaterThan(50_000);
    expect(results.comparisons).toHaveLength(6);
    expect(results.againstNaiveBayes).toHaveLength(9);
    const bayes = results.baselines.find(({ name }: { name: string }) => name === 'naive-bayes');
    expect(bayes.n).toBe(QUESTIONS.length);
    expect(bayes.accuracy).toBeGreaterThan(0.5);
    for (const [at, row] of (results.rows as Row[]).entries()) {
      const { candidate, shots, difference } = results.againstNaiveBayes[at];
      expect({ candidate, shots }).toEqual({ candidate: row.candidate, shots: row.shots });
      expect(difference).toBeCloseTo(row.accuracy - bayes.accuracy, 12);
    }
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
      'naive Bayes',
      'max |Δ logit|',
      'changed',
      `${QUESTIONS.length} questions`,
    ]) {
      expect(table).toContain(word);
    }
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(96);
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
      { temp: 'temp', other: 'temp', doc: 'doc' },
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
        Object.values(scores as object),
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
    const second = await run('second', { memo });
    expect(memo.misses).toBe(3 * 4 * 3); // candidates × pages × numbers of shots, of the first run
    const third = await run('third');
    for (const name of ['predictions', 'results', 'table']) {
      const bytes = readFileSync(first.outputs[name]!, 'utf8');
      expect(readFileSync(second.outputs[name]!, 'utf8')).toBe(bytes);
      expect(readFileSync(third.outputs[name]!, 'utf8')).toBe(bytes);
    }
  });

  test('an edited claim costs the forward pass of its own page only', async () => {
    const memo = countingMemo();
    await run('before', { memo });
    const before = memo.misses;
    const edited = QUESTIONS.map((item, at) =>
      at === 0 ? { ...item, claim: 'The mill stands.' } : item,
    );
    const prompts = join(world.folder, 'prompts.jsonl');
    writeLines(prompts, promptLines(edited, [0, 1, 2]));
    try {
      await run('after', { memo });
    } finally {
      writeLines(prompts, promptLines(QUESTIONS, [0, 1, 2]));
    }
    expect(memo.misses - before).toBe(3 * 3); // one page: candidates × numbers of shots
  });

  test('leaves no tensor behind', async () => {
    await run('warm');
    const before = backendMemory().numTensors;
    await run('again');
    expect(backendMemory().numTensors).toBe(before);
  });

  test('asks only with the numbers of shots that are wanted, and says which have no prompt', async () => {
    const { outputs } = await run('one', { params: { shots: [1] } });
    expect(linesOf(outputs.predictions!)).toHaveLength(3 * QUESTIONS.length);
    await expect(run('none', { params: { shots: [1, 4, 5] } })).rejects.toMatchObject({
      name: 'StageError',
      message: expect.stringContaining('no prompt has 4, 5 shots'),
    });
  });

  test('generation reads the answer that is written, INVALID where there is none', async () => {
    const { outputs } = await run('generate', { params: { scoring: ['generate'], shots: [1] } });
    const predictions = linesOf(outputs.predictions!);
    expect(predictions).toHaveLength(3 * QUESTIONS.length);
    for (const { scoring, scores } of predictions)
      expect({ scoring, scores }).toEqual({ scoring: 'generate', scores: null });
    const { rows } = JSON.parse(readFileSync(outputs.results!, 'utf8')) as { rows: Row[] };
    for (const row of rows) {
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
