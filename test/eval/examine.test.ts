import { describe, expect, test } from 'vitest';
import { examine, type Scorer } from '../../src/eval/examine.ts';
import { groupPrompts, type Prompt } from '../../src/eval/prompt.ts';
import { ineffective, ineffectiveWhenGenerating } from '../../src/eval/result.ts';

function promptOf(claimId: number, page: string, shots: number, head = `head of ${shots}`): Prompt {
  const claim = `claim ${claimId}`;
  return { claimId, page, claim, gold: 'SUPPORTS', shots, prompt: `${head}\nClaim: ${claim}\nA:` };
}

const CANDIDATES = ['pretrained', 'doc', 'temp'].map((name) => ({
  name,
  digest: `digest ${name}`,
}));

/** Scores by the claim's number and the candidate's name; writes down what it was asked. */
function fakeScorer(offsets: Record<string, number>) {
  const asked: string[][] = [];
  const generated: string[] = [];
  const scorer: Scorer = {
    logLikelihoods: async (prompts, candidates) => {
      asked.push([...candidates]);
      return candidates.map((name) => ({
        scores: prompts.map((text) => {
          const scores = [-3, -3, -3];
          scores[(Number(/claim (\d+)/.exec(text)![1]) + offsets[name]!) % 3]! += 1;
          return scores;
        }),
        maxAbsLogitDelta: offsets[name]!,
      }));
    },
    generate: async (prompts, candidate) => {
      generated.push(candidate);
      return {
        texts: prompts.map(() => (candidate === 'doc' ? ' (b)' : ' hm')),
        firstLogitsDigest: candidate === 'doc' ? 'other' : 'same',
      };
    },
  };
  return { scorer, asked, generated };
}

function memoOf() {
  const values = new Map<string, Uint8Array>();
  return {
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
const progress = () => undefined;

describe('examine', () => {
  test('gives every prompt its own reply, in the order of the prompts', async () => {
    const { scorer } = fakeScorer({ pretrained: 0, doc: 1, temp: 2 });
    const seen: number[] = [];
    const { replies, deltas } = await examine({
      prompts: PROMPTS,
      candidates: CANDIDATES,
      scorings: ['likelihood', 'generate'],
      scorer,
      memo: memoOf(),
      progress: (done) => seen.push(done),
    });
    const answers = (name: string) =>
      replies
        .get(name)!
        .get('likelihood')!
        .map(({ answer }) => answer[0])
        .join('');
    expect(answers('pretrained')).toBe('SSRRN');
    expect(answers('doc')).toBe('RRNNS');
    expect(
      replies
        .get('doc')!
        .get('generate')!
        .map(({ answer }) => answer),
    ).toEqual(Array(5).fill('REFUTES'));
    expect(replies.get('temp')!.get('generate')![0]).toEqual({ answer: 'INVALID' });
    expect(replies.get('temp')!.get('likelihood')![0]).toEqual({
      answer: 'NOT ENOUGH INFO',
      scores: { a: -3, b: -3, c: -2 },
    });
    expect(deltas.get('temp')).toEqual(
      new Map([
        [0, 2],
        [1, 2],
      ]),
    );
    expect(seen).toEqual([2, 4, 5]);
  });

  test('asks again only for a candidate that changed, with pretrained beside it', async () => {
    const memo = memoOf();
    const { scorer, asked, generated } = fakeScorer({ pretrained: 0, doc: 1, temp: 2 });
    const examination = {
      prompts: PROMPTS,
      candidates: CANDIDATES,
      scorings: ['likelihood' as const, 'generate' as const],
      scorer,
      memo,
      progress,
    };
    const first = await examine(examination);
    expect(asked).toEqual(Array(3).fill(['pretrained', 'doc', 'temp']));
    expect(await examine(examination)).toEqual(first);
    expect(asked).toHaveLength(3);
    const retrained = CANDIDATES.map((item) =>
      item.name === 'temp' ? { ...item, digest: 'new' } : item,
    );
    await examine({ ...examination, candidates: retrained });
    expect(asked.slice(3)).toEqual(Array(3).fill(['pretrained', 'temp']));
    expect(generated.slice(9)).toEqual(Array(3).fill('temp'));
  });

  test('a memory that takes no part in generation is named, whatever its likelihoods', async () => {
    const { scorer } = fakeScorer({ pretrained: 0, doc: 1, temp: 2 });
    const common = { prompts: PROMPTS, candidates: CANDIDATES, scorer, memo: memoOf(), progress };
    const outcome = await examine({ ...common, scorings: ['generate'] });
    expect(ineffective(outcome.deltas)).toEqual([]);
    expect(ineffectiveWhenGenerating(outcome)).toEqual(['temp']);
    const unasked = await examine({ ...common, scorings: ['likelihood'] });
    expect(ineffectiveWhenGenerating(unasked)).toEqual([]);
  });

  test('a damaged effect: memories that change nothing are named', async () => {
    const { scorer } = fakeScorer({ pretrained: 0, doc: 1, temp: 0 });
    const { deltas } = await examine({
      prompts: PROMPTS,
      candidates: CANDIDATES,
      scorings: ['likelihood'],
      scorer,
      memo: memoOf(),
      progress,
    });
    expect(ineffective(deltas)).toEqual(['temp']);
  });
});

test('prompts belong together by page, number of shots and examples', () => {
  const prompts = [...PROMPTS, promptOf(3, 'p', 1, 'another example')];
  expect(groupPrompts(prompts)).toEqual([[0, 2], [1, 3], [4], [5]]);
});
