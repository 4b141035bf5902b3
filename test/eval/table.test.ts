import { expect, test } from 'vitest';
import { accuracyIntervals, comparisonsOf } from '../../src/eval/comparison.ts';
import { cellsOf, type Prediction, resultRows } from '../../src/eval/result.ts';
import { resultsTable, share } from '../../src/eval/table.ts';

/** 60 questions on 20 pages; `doc` answers `rightDoc` of the first rightly, `pretrained` 20. */
function resultsOf(rightDoc: number, scoring: 'likelihood' | 'generate' = 'likelihood') {
  const predictions = (['pretrained', 'doc'] as const).flatMap((candidate) =>
    [0, 1].flatMap((shots) =>
      Array.from({ length: 60 }, (_, at): Prediction => {
        const isRight = at < (candidate === 'doc' ? rightDoc : 20);
        const wrong = scoring === 'generate' ? 'INVALID' : 'REFUTES';
        return {
          model: 'm',
          candidate,
          shots,
          scoring,
          seed: 0,
          claimId: at,
          page: `p${at % 20}`,
          gold: 'SUPPORTS',
          predicted: isRight ? 'SUPPORTS' : wrong,
          scores: null,
        };
      }),
    ),
  );
  const cells = cellsOf(predictions);
  const deltas = new Map([
    [
      'doc',
      new Map([
        [0, 1.25],
        [1, 0.5],
      ]),
    ],
  ]);
  return {
    rows: resultRows(cells, deltas),
    intervals: accuracyIntervals(cells, { seed: 0 }),
    comparisons: comparisonsOf(cells, { seed: 0 }),
    baselines: [
      {
        name: 'majority' as const,
        label: 'SUPPORTS',
        n: 60,
        accuracy: 1,
        low: 1,
        high: 1,
        f1MacroUnion: 1,
        f1MacroFixed3: 0.3,
      },
    ],
  };
}

test('the whole table', () => {
  expect(resultsTable(resultsOf(50))).toBe(
    `${[
      'm, likelihood: 60 questions, 95 % intervals by page; * differs from pretrained (Holm p < .05)',
      '',
      'accuracy         0 shots     1 shot',
      'pretrained         .333       .333',
      '               .333–.333  .333–.333',
      'doc                .833*      .833*',
      '               .767–.900  .767–.900',
      'majority           1.00',
      '',
      'f1 macro         0 shots     1 shot',
      'pretrained         .250       .250',
      'doc                .455       .455',
      'majority           1.00',
      '',
      'max |Δ logit|    0 shots     1 shot',
      'doc                1.25      0.500',
      'changed          0 shots     1 shot',
      'doc               50.0 %     50.0 %',
      '',
    ].join('\n')}`,
  );
});

test('a difference that is not sure bears no star; generation shows what was invalid', () => {
  expect(resultsTable(resultsOf(22))).not.toMatch(/\.\d+\*/);
  const generated = resultsTable(resultsOf(50, 'generate'));
  expect(generated).toContain('invalid          0 shots     1 shot');
  expect(generated).toMatch(/^pretrained {8}66\.7 % {5}66\.7 %$/m);
});

test.each([
  [0.4125, '.412'],
  [0, '.000'],
  [1, '1.00'],
  [0.9996, '1.00'],
])('%d is written %s', (value, text) => {
  expect(share(value)).toBe(text);
});
