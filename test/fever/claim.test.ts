import { describe, expect, it } from 'vitest';
import { comparableText, decodeClaim } from '../../src/fever/claim.ts';

const good = {
  id: 7,
  verifiable: 'VERIFIABLE',
  label: 'REFUTES',
  claim: 'Cafe\u0301s  are\nclosed.',
  evidence: [[[1, 2, 'Caf\u0065\u0301', 0]], [[1, null, null, null]]],
};

describe('decodeClaim', () => {
  it('keeps titles as written and makes the text NFC on one line', () => {
    expect(decodeClaim(good)).toEqual({
      id: 7,
      label: 'REFUTES',
      claim: 'Cafés are closed.',
      evidence: [[{ page: 'Cafe\u0301', sentence: 0 }], [{ page: null, sentence: null }]],
    });
  });

  it.each([
    [{ id: 1.5 }, 'id: expected an integer or a name, found the number 1.5'],
    [
      { label: 'DISPUTED' },
      'label: expected one of "SUPPORTS", "REFUTES", "NOT ENOUGH INFO", found the string "DISPUTED"',
    ],
    [{ label: undefined }, 'found nothing (the field is missing)'],
    [{ claim: ' \n' }, 'claim: expected a sentence, found the string " \\n"'],
    [{ evidence: null }, 'evidence: expected a list, found null'],
    [{ evidence: [[7]] }, 'evidence[0][0]: expected a list, found the number 7'],
    [
      { evidence: [[[1, 2, 'A']]] },
      'evidence[0][0]: expected a list of 4 (annotation, evidence, page, sentence), found a list of 3',
    ],
    [
      { evidence: [[], [[1, 2, '', 0]]] },
      'evidence[1][0][2]: expected a page title or null, found the string ""',
    ],
    [
      { evidence: [[[1, 2, 'A', -1]]] },
      'evidence[0][0][3]: expected an integer from 0, found the number -1',
    ],
    [
      { evidence: [[[1, 2, 'A', '0']]] },
      'evidence[0][0][3]: expected an integer from 0, found the string "0"',
    ],
    [
      { evidence: [[[1, 2, null, 3]]] },
      'evidence[0][0][3]: expected null beside a null page, found the number 3',
    ],
  ])('says what is wrong with %j', (change, message) => {
    expect(() => decodeClaim({ ...good, ...change })).toThrow(message);
  });
});

describe('comparableText', () => {
  it('sets case, spacing, Unicode form, quotation marks and closing punctuation aside', () => {
    const same = ['Cafés close.', ' cafe\u0301s\tclose', '“Cafés close!”', "'CAFÉS CLOSE.'"];
    expect(new Set(same.map(comparableText))).toEqual(new Set(['cafés close']));
  });

  it('keeps apart what differs in a word', () => {
    expect(comparableText('It is 3.5 m.')).not.toBe(comparableText('It is 35 m.'));
  });
});
