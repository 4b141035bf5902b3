import { describe, expect, test } from 'vitest';
import { costOf } from '../../src/eval/cost.ts';
import { effectsOf } from '../../src/eval/effect.ts';
import { type Contestant, type Examination, examine, type Scorer } from '../../src/eval/examine.ts';
import { effectGate } from '../../src/eval/gate/effect.ts';
import { identityGate, requireDistinct } from '../../src/eval/gate/identity.ts';
import { type JudgeOptions, predictionsOf } from '../../src/eval/judge.ts';
import { groupPrompts, type Prompt } from '../../src/eval/prompt.ts';
import type { Scoring } from '../../src/eval/scoring.ts';

function promptOf(claimId: number, page: string, shots: number, head = `head of ${shots}`): Prompt {
  const claim = `claim ${claimId}`;
  const asked = { claimId, page, claim, gold: 'SUPPORTS' as const, shots };
  return { ...asked, shotSeed: 0, letters: 'abc', prompt: `${head}\nClaim: ${claim}\nA:` };
}

const NAMES = ['pretrained', 'doc', 'temp'];

function contestantsOf(digests: Readonly<Record<string, string>> = {}): Contestant[] {
  return NAMES.map((name) => {
    const subject = { name, digest: digests[name] ?? `digest ${name}` };
    return { candidate: name, seed: name === 'pretrained' ? null : 0, subjectOf: () => subject };
  });
}

/** Scores by the claim's number and the subject's name; writes down what it was asked. */
function fakeScorer(offsets: Record<string, number>) {
  const asked: { texts: number; subjects: string[] }[] = [];
  const scorer: Scorer = {
    logLikelihoods: async (texts, subjects) => {
      asked.push({ texts: texts.length, subjects: [...subjects] });
      return subjects.map((name) => ({
        scores: texts.map((text) => {
          const scores = [-3, -3, -3];
          const number = Number(/claim (\d+)/.exec(text)?.[1] ?? 0);
          scores[(number + offsets[name]!) % 3]! += 1;
          return scores;
        }),
        maxAbsLogitDeltas: texts.map(() => offsets[name]!),
      }));
    },
    generate: async (texts, subject) => ({
      texts: texts.map(() => (subject === 'doc' ? ' (b)' : ' hm')),
      firstLogitsDigests: texts.map(() => (subject === 'doc' ? 'other' : 'same')),
    }),
  };
  return { scorer, asked };
}

function memoOf() {
  const values = new Map<string, Uint8Array>();
  return {
    values,
    get: (key: string) => values.get(key),
    set: (key: string, value: Uint8Array) => void values.set(key, value),
  };
}

const PROMPTS = [
  promptOf(0, 'p', 0),
  promptOf(0, 'p', 1),
  promptOf(1, 'p', 0),
  promptOf(1, 'p', 1),
  promptOf(2, 'q', 0),
];

function examinationOf(scorer: Scorer, given: Partial<Examination> = {}): Examination {
  return {
    prompts: PROMPTS,
    reference: { name: 'pretrained', digest: 'digest pretrained' },
    contestants: contestantsOf(),
    scorings: ['likelihood'],
    contentFree: ['N/A'],
    scorer,
    memo: memoOf(),
    progress: () => undefined,
    ...given,
  };
}

function judgeWith(scorings: readonly Scoring[]): JudgeOptions {
  const answers = [' (a)', ' (b)', ' (c)'];
  return {
    ...{ model: 'm', scorings, contentFree: ['N/A'], answers, letters: ['a', 'b', 'c'] },
    answerTokensOf: () => [2, 2, 4],
  };
}

const EFFECT = { pretrained: 0, doc: 1, temp: 2 };

describe('examine', () => {
  test('gives every prompt its own answer under its own candidate', async () => {
    const { scorer } = fakeScorer(EFFECT);
    const examination = examinationOf(scorer, { scorings: ['likelihood', 'generate'] });
    const outcome = await examine(examination);
    const predictions = predictionsOf(
      examination.contestants,
      PROMPTS,
      outcome,
      judgeWith(['likelihood', 'generate']),
    );
    const answers = (candidate: string, scoring: string) =>
      predictions
        .filter((item) => item.candidate === candidate && item.scoring === scoring)
        .map(({ claimId, shots, predicted }) => `${claimId}/${shots}${predicted[0]}`)
        .join(' ');
    expect(answers('pretrained', 'likelihood')).toBe('0/0S 1/0R 2/0N 0/1S 1/1R');
    expect(answers('doc', 'likelihood')).toBe('0/0R 1/0N 2/0S 0/1R 1/1N');
    expect(answers('doc', 'generate')).toBe('0/0R 1/0R 2/0R 0/1R 1/1R');
    expect(answers('temp', 'generate')).toBe('0/0I 1/0I 2/0I 0/1I 1/1I');
    expect(predictions[0]).toMatchObject({ seed: null, shotSeed: 0, letters: 'abc' });
    expect(predictions.at(-1)).toMatchObject({ seed: 0, scores: null, text: ' hm' });
  });

  test('asks again only for what changed: a memory with pretrained beside it, or one claim', async () => {
    const memo = memoOf();
    const { scorer, asked } = fakeScorer(EFFECT);
    const first = await examine(examinationOf(scorer, { memo }));
    expect(asked.map(({ texts }) => texts)).toEqual([2, 2, 1]);
    const again = await examine(examinationOf(scorer, { memo }));
    expect(again.replies).toEqual(first.replies);
    expect(again.fresh).toEqual([]);
    expect(asked).toHaveLength(3);
    const retrained = contestantsOf({ temp: 'new' });
    await examine(examinationOf(scorer, { memo, contestants: retrained }));
    expect(asked.slice(3).map(({ subjects }) => subjects)).toEqual(
      Array(3).fill(['pretrained', 'temp']),
    );
    const edited = PROMPTS.map((prompt) =>
      prompt.claimId === 1
        ? { ...prompt, prompt: prompt.prompt.replace('claim 1', 'claim 10') }
        : prompt,
    );
    asked.length = 0;
    const outcome = await examine(examinationOf(scorer, { memo, prompts: edited }));
    expect(asked).toEqual(Array(2).fill({ texts: 1, subjects: NAMES }));
    expect(costOf(contestantsOf(), edited, outcome)).toEqual({
      claims: 3,
      rescored: 1,
      forwardPasses: 6,
    });
  });

  test('a remembered record of another subject is a miss', async () => {
    const memo = memoOf();
    const { scorer, asked } = fakeScorer(EFFECT);
    await examine(examinationOf(scorer, { memo }));
    const keys = [...memo.values.keys()];
    const doc = keys.find((key) => key.includes('digest doc'))!;
    const temp = keys.find((key) => key.includes('digest temp'))!;
    memo.values.set(doc, memo.values.get(temp)!);
    asked.length = 0;
    await examine(examinationOf(scorer, { memo }));
    expect(asked).toHaveLength(1);
  });

  test('claims without content and the empty context are asked along where a scoring wants them', async () => {
    const { scorer, asked } = fakeScorer(EFFECT);
    const scorings = ['calibrated', 'pmi', 'per-token', 'per-byte'] as const;
    const examination = examinationOf(scorer, { scorings });
    const outcome = await examine(examination);
    // The last page’s prompts begin like the first’s, so that its claim without content is known.
    expect(asked.map(({ texts }) => texts)).toEqual([1, 3, 3, 1]);
    const predictions = predictionsOf(
      examination.contestants,
      PROMPTS,
      outcome,
      judgeWith(scorings),
    );
    const scores = (scoring: string) =>
      predictions.find((item) => item.scoring === scoring && item.claimId === 1)!.scores;
    // Without content and without context, the fake gives what it gives to claim 0: a is likeliest.
    expect(scores('pmi')).toEqual({ a: -1, b: 1, c: 0 });
    expect(scores('calibrated')).toEqual({ a: -1, b: 1, c: 0 });
    expect(scores('per-token')).toEqual({ a: -1.5, b: -1, c: -0.75 });
    expect(scores('per-byte')).toEqual({ a: -0.75, b: -0.5, c: -0.75 });
  });
});

describe('gates on what was asked', () => {
  const effectsWith = async (offsets: Record<string, number>, scorings: readonly Scoring[]) => {
    const { scorer } = fakeScorer(offsets);
    const examination = examinationOf(scorer, { scorings });
    const outcome = await examine(examination);
    const { contestants, reference } = examination;
    return effectsOf(contestants, PROMPTS, { outcome, reference });
  };

  test('a memory that changes nothing is named, in likelihoods or in generation', async () => {
    const rule = { allowed: [], closed: [] };
    const applied = await effectsWith(EFFECT, ['likelihood']);
    expect(effectGate(applied, rule)).toMatchObject({ name: 'effect gate', checked: 2 });
    const unapplied = await effectsWith({ ...EFFECT, temp: 0 }, ['likelihood']);
    expect(() => effectGate(unapplied, rule)).toThrow(
      /^effect gate: the memory "temp" changes no logit of any prompt/,
    );
    expect(effectGate(unapplied, { ...rule, allowed: ['temp'] }).checked).toBe(2);
    expect(effectGate(unapplied, { ...rule, closed: ['temp'] }).checked).toBe(2);
    expect(() => effectGate(applied, { ...rule, closed: ['temp'] })).toThrow(
      'though its gate is 0',
    );
    const generating = await effectsWith(EFFECT, ['likelihood', 'generate']);
    expect(() => effectGate(generating, rule)).toThrow(
      '"temp" changes no logit that a generated answer begins with',
    );
  });

  test('predictions of one candidate under another’s name are found out', async () => {
    const { scorer } = fakeScorer(EFFECT);
    const examination = examinationOf(scorer);
    const outcome = await examine(examination);
    const options = judgeWith(['likelihood']);
    const { contestants } = examination;
    const predictions = predictionsOf(contestants, PROMPTS, outcome, options);
    const input = { contestants, prompts: PROMPTS, outcome, scorer, letters: options.letters };
    expect((await identityGate({ ...input, predictions })).checked).toBe(3);
    const others: Record<string, string> = { doc: 'temp', temp: 'doc' };
    const swapped = predictions.map((item) => ({
      ...item,
      candidate: others[item.candidate] ?? item.candidate,
    }));
    await expect(identityGate({ ...input, predictions: swapped })).rejects.toThrow(
      'identity gate: "doc" says other things on claim 0',
    );
  });

  test('one memory under two names is refused', () => {
    const distinct = [
      { name: 'doc', digest: 'x' },
      { name: 'temp', digest: 'y' },
    ];
    expect(() => requireDistinct(distinct)).not.toThrow();
    expect(() => requireDistinct([...distinct, { name: 'other', digest: 'x' }])).toThrow(
      'identity gate: "doc", "other" are one and the same memory',
    );
  });
});

test('prompts belong together by page, number of shots and examples', () => {
  const prompts = [...PROMPTS, promptOf(3, 'p', 1, 'another example')];
  expect(groupPrompts(prompts)).toEqual([[0, 2], [1, 3], [4], [5]]);
});
