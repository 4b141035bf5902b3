import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareCodePoints,
  normaliseTitle,
  titleText,
  unescapeText,
} from '../../src/fever/title.ts';

const piece = fc.oneof(
  fc.constantFrom(
    '-LRB-',
    '-RRB-',
    '-LSB-',
    '-RSB-',
    '-COLON-',
    '-',
    'LRB',
    ' ',
    '_',
    '\u0301',
    '\u0338',
  ),
  fc.string({ unit: 'binary', maxLength: 3 }),
);
const title = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));

describe('normaliseTitle', () => {
  it.each([
    ['Soul_Food_-LRB-film-RRB-', 'Soul_Food_(film)'],
    ['Mission-COLON-_Impossible', 'Mission:_Impossible'],
    ['-LSB-REC-RSB-', '[REC]'],
    ['-LRB--RRB-', '()'],
    ['Beyonce\u0301', 'Beyoncé'],
    ['Polar bear', 'Polar_bear'],
    ['Anti-LRBx-', 'Anti-LRBx-'],
    ['iPod', 'iPod'],
  ])('%s → %s', (raw, expected) => {
    expect(normaliseTitle(raw)).toBe(expected);
  });

  it('changes nothing when it is applied again', () => {
    fc.assert(
      fc.property(title, (raw) => {
        const once = normaliseTitle(raw);
        expect(normaliseTitle(once)).toBe(once);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives one title for all Unicode spellings of it', () => {
    fc.assert(
      fc.property(title, (raw) => {
        expect(normaliseTitle(raw.normalize('NFD'))).toBe(normaliseTitle(raw.normalize('NFC')));
      }),
    );
  });
});

describe('the forms that people read', () => {
  it('are titles with blanks and texts without escapes', () => {
    expect(titleText('Soul_Food_(film)')).toBe('Soul Food (film)');
    expect(unescapeText('He -LRB- born 1983 -RRB- sings')).toBe('He ( born 1983 ) sings');
  });
});

describe('compareCodePoints', () => {
  it('orders as UTF-8 bytes do, also beyond the basic plane', () => {
    const text = fc.string({ unit: 'binary', maxLength: 4 });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const bytes = Buffer.compare(Buffer.from(a), Buffer.from(b));
        expect(Math.sign(compareCodePoints(a, b))).toBe(bytes);
      }),
      { numRuns: 1000, examples: [['\u{1f600}', '\uff21']] },
    );
  });
});
