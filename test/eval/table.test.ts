import { expect, test } from 'vitest';
import type { Prediction } from '../../src/eval/prediction.ts';
import { resultsOf } from '../../src/eval/results.ts';
import { resultsTable, share } from '../../src/eval/table.ts';

const INFO = { seeds: [null], memories: [], blocks: [] };

/** 60 questions on 20 pages; `doc` answers `rightDoc` of the first rightly, `pretrained` 20. */
function made(rightDoc: number, scoring: 'likelihood' | 'generate' = 'likelihood') {
  const questions = Array.from({ length: 60 }, (_, at) => ({
    claimId: at,
    claim: `Claim ${at}.`,
    page: `p${at % 20}`,
  }));
  const candidates = ['pretrained', 'doc', 'majority'] as const;
  const predictions = candidates.flatMap((candidate) =>
    (candidate === 'majority' ? [0] : [0, 1]).flatMap((shots) =>
      questions.map(({ claimId, page }, at): Prediction => {
        const right = { pretrained: 20, doc: rightDoc, majority: 60 }[candidate];
        const wrong = scoring === 'generate' ? 'INVALID' : 'REFUTES';
        return {
          ...{ model: 'm', candidate, seed: null, shots, shotSeed: 0, letters: 'abc' },
          scoring: candidate === 'majority' ? 'claim-only' : scoring,
          ...{ claimId, page, prompt: null, gold: 'SUPPORTS', scores: null },
          predicted: at < right ? 'SUPPORTS' : wrong,
        };
      }),
    ),
  );
  const byShots = new Map([
    [0, 1.25],
    [1, 0.5],
  ]);
  return resultsOf({
    model: 'm',
    predictions,
    questions,
    candidates: [
      { name: 'pretrained', kind: 'base', ...INFO },
      { name: 'doc', kind: 'memory', ...INFO },
      { name: 'majority', kind: 'baseline', ...INFO },
    ],
    effects: [{ candidate: 'doc', seed: 0, byShots, generatesOtherwise: undefined }],
    gates: [],
    seed: 0,
  });
}

test('the whole table', () => {
  const lines = resultsTable(made(50)).split('\n');
  expect(lines.slice(0, 8)).toEqual([
    'm, likelihood: 60 questions in 20 clusters, 95 % intervals; * differs from pretrained (Holm p < .05)',
    '',
    'accuracy         0 shots     1 shot',
    'pretrained         .333       .333',
    '               .333–.333  .333–.333',
    'doc                .833*      .833*',
    expect.stringMatching(/^ {15}\.7\d\d–\.9\d\d {2}\.7\d\d–\.9\d\d$/),
    'majority           1.00',
  ]);
  expect(lines.slice(8)).toEqual([
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
    'all shots, against pretrained',
    expect.stringMatching(
      /^doc {10}\+\.500 \[\+\.\d{3}, \+\.\d{3}\], Holm p 0\.000; detectable \.\d{3}$/,
    ),
    '',
    'what might be concluded, and what the control says',
    'stands     doc helps the model (against pretrained)',
    '',
  ]);
});

test('a difference that is not sure bears no star; generation shows what was invalid', () => {
  expect(resultsTable(made(22))).not.toMatch(/\.\d+\*/);
  const generated = resultsTable(made(50, 'generate'));
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
