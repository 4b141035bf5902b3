import { expect, test } from 'vitest';
import { answerQuestions } from '../../../src/eval/report/questions.ts';
import { cellsOf, type Prediction } from '../../../src/eval/result.ts';
import { holmAdjusted } from '../../../src/eval/significance.ts';

/** How many of 40 questions each candidate answers rightly, by number of shots. */
const RIGHT = {
  pretrained: [10, 14],
  doc: [18, 19],
  temp: [20, 22],
  doctemp: [25, 30],
};

function predictions(): Prediction[] {
  return Object.entries(RIGHT).flatMap(([candidate, byShots]) =>
    byShots.flatMap((right, shots) =>
      Array.from({ length: 40 }, (_, at): Prediction => {
        const predicted = at < right ? 'SUPPORTS' : 'REFUTES';
        const question = { claimId: at, page: `p${at % 10}`, gold: 'SUPPORTS' as const };
        const named = { model: 'm', candidate, shots, scoring: 'likelihood' as const, seed: 0 };
        return { ...named, ...question, predicted, scores: null };
      }),
    ),
  );
}

test('question 4 corrects over all opponents and numbers of shots at once', () => {
  const answers = answerQuestions(cellsOf(predictions()), { seed: 0 });
  const { comparisons } = answers.find(({ number }) => number === 4)!;
  expect(comparisons.map(({ against, shots }) => `${against} ${shots}`)).toEqual([
    'pretrained 0',
    'pretrained 1',
    'doc 0',
    'doc 1',
    'temp 0',
    'temp 1',
  ]);
  const together = holmAdjusted(comparisons.map(({ p }) => p));
  expect(comparisons.map(({ pHolm }) => pHolm)).toEqual(together);
  const smallest = Math.min(...comparisons.map(({ p }) => p));
  expect(Math.min(...together)).toBeCloseTo(6 * smallest, 12); // and not 2 ×, as for one opponent
});
