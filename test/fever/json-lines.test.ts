import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/fever/data-error.ts';
import { recordOf, stringOf } from '../../src/fever/field.ts';
import { newTally, readJsonLines, writeJsonLines } from '../../src/fever/json-lines.ts';
import { tempFolder, writeTemp } from './temp-file.ts';

const folder = tempFolder();
const decode = (value: unknown) => stringOf(recordOf(value).a, 'a');

function failure(content: string | Uint8Array, maxLineBytes = 1000): DataError {
  const path = writeTemp(folder, 'bad.jsonl', content);
  try {
    Array.from(readJsonLines(path, decode, { maxLineBytes }));
  } catch (error) {
    if (error instanceof DataError) return error;
    throw error;
  }
  throw new Error('the file was read');
}

describe('readJsonLines', () => {
  it('reads past a byte-order mark, CRLF, blank lines and a missing last line end', () => {
    const path = writeTemp(folder, 'odd.jsonl', '\ufeff{"a":"1"}\r\n\r\n \t\n{"a":"\ufeff2"}');
    const tally = newTally();
    expect([...readJsonLines(path, decode, { tally })]).toEqual(['1', '\ufeff2']);
    expect(tally).toMatchObject({ records: 2, blankLines: 2, badLines: 0 });
  });

  it.each([
    ['broken JSON', '{"a":"1"}\n{"a":', 2, /^not valid JSON: /],
    ['a record of the wrong kind', '[1]', 1, /^expected an object on the line, found a list of 1$/],
    [
      'a missing field',
      '\n\n{}',
      3,
      /^a: expected a string, found nothing \(the field is missing\)$/,
    ],
    ['a field of the wrong type', '{"a":7}', 1, /^a: expected a string, found the number 7$/],
    ['a null', '{"a":null}', 1, /^a: expected a string, found null$/],
    ['a line too long', `{"a":"1"}\n{"a":"${'x'.repeat(1000)}"}`, 2, /too long/],
    ['bytes that are not UTF-8', Buffer.from('7b2261223a22ff227d', 'hex'), 1, /not valid UTF-8/],
    [
      'a byte-order mark that is not at the start',
      '{"a":"1"}\n\ufeff{"a":"2"}',
      2,
      /not valid JSON/,
    ],
    ['UTF-16', Buffer.from('\ufeff{"a":"1"}', 'utf16le'), 1, /UTF-16; save it as UTF-8/],
    ['a gzip file', Buffer.from('1f8b080000000000', 'hex'), 1, /gzip/],
  ] as const)('names file and line of %s', (_, content, line, message) => {
    const error = failure(content);
    expect(error.message).toMatch(message);
    expect(error.where).toMatchObject({ line, file: expect.stringMatching(/bad\.jsonl$/) });
    expect(error.where.hint).toMatch(/onBadLine/);
  });

  it('skips and counts bad lines when asked to, and keeps what it says of the first', () => {
    const lines = ['{"a":"1"}', 'x', '{"a":2}', ...Array(9).fill('{'), '{"a":"3"}'];
    const path = writeTemp(folder, 'skip.jsonl', lines.join('\n'));
    const tally = newTally();
    const read = [...readJsonLines(path, decode, { onBadLine: 'skip', tally })];
    expect(read).toEqual(['1', '3']);
    expect(tally).toMatchObject({ records: 2, badLines: 11 });
    expect(tally.complaints).toHaveLength(5);
    expect(tally.complaints[1]).toMatch(/skip\.jsonl:3: skipped: a: expected a string/);
  });

  it('passes on an error that is not about the data', () => {
    const path = writeTemp(folder, 'one.jsonl', '{}');
    const broken = () => {
      throw new TypeError('a fault of the decoder');
    };
    expect(() => [...readJsonLines(path, broken, { onBadLine: 'skip' })]).toThrow(TypeError);
  });

  it('reads back what was written, for any records and any line ends', () => {
    const records = fc.array(fc.record({ a: fc.string({ unit: 'grapheme' }), b: fc.jsonValue() }));
    const path = writeTemp(folder, 'round.jsonl', '');
    const property = fc.property(records, fc.constantFrom('\n', '\r\n', '\n\n'), (list, end) => {
      writeJsonLines(path, list);
      writeTemp(folder, 'round.jsonl', readFileSync(path, 'utf8').replaceAll('\n', end));
      expect([...readJsonLines(path, (value) => value)]).toEqual(JSON.parse(JSON.stringify(list)));
    });
    fc.assert(property, { numRuns: 50 });
  });
});
