import { describe, expect, it } from 'vitest';
import { formatDiagnostic, formatDiagnostics } from '../../src/pipe/config/print-diagnostic.ts';

const problem = { code: 'bad', message: 'Something is wrong.' };

describe('formatDiagnostic', () => {
  it('prints place, line, caret and hint', () => {
    const range = { line: 2, column: 3, endColumn: 6 };
    expect(
      formatDiagnostic({ ...problem, file: 'a.yaml', range, hint: 'Mend it.' }, 'x\n  bad: 1\r\ny'),
    ).toBe(
      [
        'a.yaml:2:3: error: Something is wrong. [bad]',
        '  2 |   bad: 1',
        '    |   ^^^',
        '  hint: Mend it.',
      ].join('\n'),
    );
  });

  it('keeps tabs in the padding, so that the caret stands right', () => {
    const range = { line: 1, column: 2, endColumn: 2 };
    expect(formatDiagnostic({ ...problem, file: 'a', range }, '\tx').split('\n')[2]).toBe(
      '    | \t^',
    );
  });

  it('does without a source, a line or a file', () => {
    const range = { line: 9, column: 1, endColumn: 2 };
    const first = 'a:9:1: error: Something is wrong. [bad]';
    expect(formatDiagnostic({ ...problem, file: 'a', range })).toBe(first);
    expect(formatDiagnostic({ ...problem, file: 'a', range }, 'one line')).toBe(first);
    expect(formatDiagnostic(problem)).toBe('error: Something is wrong. [bad]');
  });

  it('separates several by a blank line', () => {
    expect(formatDiagnostics([problem, problem], () => undefined).split('\n\n')).toHaveLength(2);
  });
});
