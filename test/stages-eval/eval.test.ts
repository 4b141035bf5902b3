import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { memory as backendMemory } from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import evaluate from '../../stages/eval.ts';
import { countingMemo, runStage } from './stage-run.ts';
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
  options: { params?: object; memo?: ReturnType<typeof countingMemo> } = {},
) {
  const { memo } = options;
  return runStage(evaluate, {
    folder: join(world.folder, name),
    params: { ...PARAMS, ...options.params },
    inputs: world.inputs,
    ...(memo ? { memo } : {}),
  });
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

  test('does not depend on how many rows run at once, nor on the other candidates', async () => {
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

  test('asks only with the numbers of shots that are wanted, and says when there are none', async () => {
    const { outputs } = await run('one', { params: { shots: [1] } });
    expect(linesOf(outputs.predictions!)).toHaveLength(3 * QUESTIONS.length);
    await expect(run('none', { params: { shots: [4] } })).rejects.toThrow('no prompt has 4 shots');
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
    rmSync(withVoid.folder, { recursive: true });
  });
});
