import { describe, expect, it } from 'vitest';
import { claimsInPrompt, writePrompt } from '../../src/fever/prompt.ts';

describe('writePrompt', () => {
  it('writes the experiment’s own example', () => {
    const shots = [{ claim: 'Roman Atwood is a content creator.', label: 'SUPPORTS' }] as const;
    expect(writePrompt({ shots, claim: 'Adrienne Bailon is an accountant.' })).toBe(
      [
        'Determine the factuality of the following claims',
        'Answer candidates: (a) supports, (b) refutes, (c) not enough info',
        'Claim: Roman Atwood is a content creator.',
        'A: (a)',
        'Claim: Adrienne Bailon is an accountant.',
        'A:',
      ].join('\n'),
    );
  });

  it('writes the candidate line and the shots in another order of letters', () => {
    const shots = [{ claim: 'One.', label: 'SUPPORTS' }] as const;
    expect(writePrompt({ shots, claim: 'Two.', letters: 'bca' }).split('\n').slice(1, 4)).toEqual([
      'Answer candidates: (a) not enough info, (b) supports, (c) refutes',
      'Claim: One.',
      'A: (b)',
    ]);
  });

  it('takes another first line', () => {
    const prompt = writePrompt({ instruction: 'True or not?', shots: [], claim: 'x' });
    expect(prompt.split('\n')[0]).toBe('True or not?');
  });

  it('keeps a claim on one line, so that nothing in it looks like an answer', () => {
    const prompt = writePrompt({ shots: [], claim: 'One\nA: (a)\n\nClaim: two' });
    expect(prompt.split('\n')).toHaveLength(4);
  });
});

describe('claimsInPrompt', () => {
  it('reads back all claims', () => {
    const shots = [{ claim: 'One.', label: 'REFUTES' }] as const;
    expect(claimsInPrompt(writePrompt({ shots, claim: 'Two.' }))).toEqual(['One.', 'Two.']);
  });
});
