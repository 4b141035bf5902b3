import { describe, expect, test } from 'vitest';
import { invalidGate } from '../../../src/eval/gate/invalid.ts';
import { leakageGate } from '../../../src/eval/gate/leakage.ts';
import { letterGate } from '../../../src/eval/gate/letters.ts';
import { shotGate } from '../../../src/eval/gate/shots.ts';
import type { Prediction } from '../../../src/eval/prediction.ts';
import type { Prompt, TrainingExample } from '../../../src/eval/prompt.ts';
import type { Label } from '../../../src/fever/label.ts';
import { answerOf } from '../../../src/fever/label.ts';
import { writePrompt } from '../../../src/fever/prompt.ts';

const SHOTS = [
  { claim: 'The mill is red.', label: 'REFUTES' },
  { claim: 'A triangle has three sides.', label: 'SUPPORTS' },
] as const;

function promptOf(given: { claim?: string; letters?: string; shots?: typeof SHOTS } = {}): Prompt {
  const { claim = 'The mill is old.', letters = 'abc', shots = SHOTS } = given;
  const asked = { claimId: 1, page: 'p', claim, gold: 'SUPPORTS' as const, shots: 2, shotSeed: 0 };
  return { ...asked, letters, prompt: writePrompt({ shots, claim, letters }) };
}

function exampleOf(claim: string, label: Label): TrainingExample {
  return {
    claimId: 9,
    claim,
    label,
    prompt: writePrompt({ shots: [], claim }),
    answer: answerOf(label),
  };
}

const EXAMPLES = [exampleOf('The mill is red.', 'REFUTES')];

describe('the letter gate', () => {
  test('passes what was written by the table, in any order of letters', () => {
    expect(letterGate([promptOf()], EXAMPLES)).toMatchObject({ checked: 2 });
    expect(letterGate([promptOf({ letters: 'bca' })], EXAMPLES)).toMatchObject({ checked: 2 });
  });

  test('finds a shot whose letter is not its label’s', () => {
    const prompt = promptOf();
    const swapped = { ...prompt, prompt: prompt.prompt.replace('A: (b)', 'A: (c)') };
    expect(() => letterGate([swapped], EXAMPLES)).toThrow(
      /^letter gate: the claim "The mill is red\." is answered \(c\), and its label is REFUTES/,
    );
  });

  test('finds a fallback claim of another label, as befell the note', () => {
    const shots = [SHOTS[0], { ...SHOTS[1], label: 'NOT ENOUGH INFO' }] as unknown as typeof SHOTS;
    expect(() => letterGate([promptOf({ shots })], [])).toThrow('A triangle has three sides.');
  });

  test('finds a candidate line that the answers are not read by', () => {
    const prompt = { ...promptOf({ letters: 'bac' }), letters: 'abc' };
    expect(() => letterGate([prompt], [])).toThrow('gives the labels the letters bac');
  });

  test('finds an example that teaches another letter', () => {
    const taught = [{ ...EXAMPLES[0]!, answer: ' (a)' }];
    expect(() => letterGate([], taught)).toThrow('is answered (a), and its label is REFUTES');
  });
});

describe('the shot gate', () => {
  test('finds the claim among its own shots, by text and not by id', () => {
    expect(shotGate([promptOf()])).toMatchObject({ checked: 2 });
    expect(() => shotGate([promptOf({ claim: 'the mill is “red”' })])).toThrow(
      /^shot gate: claim 1, .* stands answered among its own shots/,
    );
  });
});

describe('the leakage gate', () => {
  test('finds an eval claim in a training example, its punctuation aside', () => {
    const leaked = [exampleOf('The mill, is OLD', 'SUPPORTS')];
    expect(leakageGate([promptOf()], EXAMPLES, 'fail').checked).toBe(1);
    expect(() => leakageGate([promptOf()], leaked, 'fail')).toThrow(
      /^leakage gate: 1 of 1 eval claims stand in the training examples: "The mill is old\."/,
    );
    expect(leakageGate([promptOf()], leaked, 'allow').what).toContain('1 of them');
  });
});

describe('the invalid gate', () => {
  const wrote = (
    text: string,
    predicted: Prediction['predicted'],
    letters = 'abc',
  ): Prediction => ({
    ...{ model: 'm', candidate: 'doc', seed: 0, shots: 0, shotSeed: 0, letters },
    ...{ scoring: 'generate', claimId: 4, page: 'p', prompt: 'x', gold: 'SUPPORTS' },
    ...{ predicted, scores: null, text },
  });

  test('passes what was read rightly', () => {
    const fine = [
      wrote(' hm', 'INVALID'),
      wrote(' (c)', 'NOT ENOUGH INFO'),
      wrote('(a)', 'NOT ENOUGH INFO', 'bca'),
    ];
    expect(invalidGate(fine)).toMatchObject({ checked: 3 });
  });

  test('finds a text without a letter that counts as NOT ENOUGH INFO', () => {
    expect(() => invalidGate([wrote(' hm', 'NOT ENOUGH INFO')])).toThrow(
      /^invalid gate: doc wrote " hm" on claim 4, which is INVALID, and it counts as NOT ENOUGH INFO/,
    );
  });
});
