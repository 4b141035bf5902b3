import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { planScoring } from '../../../src/lm/scoring/plan.ts';
import type { Question } from '../../../src/lm/scoring/question.ts';

/** What a plan reads: for each question and continuation, the (seen ids → token) pairs, in order. */
function readingsOf(
  questions: readonly Question[],
  maxRows: number,
  leastSaved = Number.POSITIVE_INFINITY,
) {
  const plan = planScoring(questions, { maxRows, leastSaved });
  const read = questions.map((question) => question.continuations.map(() => [] as string[]));
  for (const { stem, ids, length, positions, readings } of plan.batches) {
    for (const { question, continuation, position, token } of readings) {
      const place = positions[position]!;
      const row = Math.floor(place / length);
      const seen = [...plan.prefix, ...stem, ...ids.subarray(row * length, place + 1)];
      read[question]![continuation]!.push(`${seen.join(' ')} → ${token}`);
    }
  }
  return { plan, read };
}

function expected(questions: readonly Question[]): string[][][] {
  return questions.map(({ context, continuations }) =>
    continuations.map((tail) =>
      tail.map((token, at) => `${[...context, ...tail.slice(0, at)].join(' ')} → ${token}`),
    ),
  );
}

const ids = (min: number, max: number) =>
  fc.array(fc.integer({ min: 1, max: 3 }), { minLength: min, maxLength: max });

describe('planScoring', () => {
  test('reads exactly the tokens of every continuation after exactly what precedes them', () => {
    const question = fc.record({
      context: ids(1, 5),
      continuations: fc.array(ids(1, 3), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(
        fc.array(question, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 9 }),
        (questions, maxRows, leastSaved) => {
          expect(readingsOf(questions, maxRows, leastSaved).read).toEqual(expected(questions));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('runs a question’s own context once where that saves enough', () => {
    const tails = [1, 2, 3].map((letter) => [5, letter, 4]);
    const questions = [
      { context: [9, 9, 7, 7, 7, 7], continuations: tails },
      { context: [9, 9, 8], continuations: tails },
      { context: [9, 9, 6, 6, 6, 6], continuations: [[4]] },
    ];
    const { plan, read } = readingsOf(questions, 48, 6);
    expect(read).toEqual(expected(questions));
    expect([...plan.prefix]).toEqual([9, 9]);
    expect(plan.batches.map(({ stem }) => [...stem])).toEqual([[], [7, 7, 7]]);
    expect(plan.batches[1]).toMatchObject({ rows: 3, length: 3 });
    expect(readingsOf(questions, 48, 7).plan.batches).toHaveLength(1);
  });

  test('continuations of one token need one row a question', () => {
    const questions = [7, 8].map((last) => ({
      context: [1, 2, 3, last],
      continuations: [[4], [5], [6]],
    }));
    const { plan } = readingsOf(questions, 48);
    expect([...plan.prefix]).toEqual([1, 2, 3]);
    expect(plan.batches).toHaveLength(1);
    expect(plan.batches[0]!.rows).toBe(2);
    expect(plan.batches[0]!.positions).toHaveLength(2);
  });

  test('continuations that part at their second token share the reading of the first', () => {
    const question = {
      context: [1, 2],
      continuations: [
        [9, 4, 8],
        [9, 5, 8],
        [9, 6, 8],
      ],
    };
    const { plan } = readingsOf([question], 48);
    expect(plan.batches[0]!.rows).toBe(3);
    expect(plan.batches[0]!.positions).toHaveLength(1 + 1 + 3);
  });

  test('a batch holds no more rows than asked for', () => {
    const questions = Array.from({ length: 10 }, (_, at) => ({
      context: [1, at + 2],
      continuations: [[4], [5]],
    }));
    const { plan } = readingsOf(questions, 4);
    expect(plan.batches.map(({ rows }) => rows)).toEqual([4, 4, 2]);
  });
});
