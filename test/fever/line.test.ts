import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readLines, splitLines } from '../../src/fever/line.ts';
import { tempFolder, writeTemp } from './temp-file.ts';

const folder = tempFolder();

function textsOf(chunks: readonly Buffer[], limit = 1000): string[] {
  // The bytes are only valid until the next line is asked for, so they are copied at once.
  return Array.from(splitLines(chunks, limit), ({ bytes }) => bytes.toString('latin1'));
}

const bytes = fc
  .array(fc.constantFrom(0x0a, 0x0d, 0x61, 0x20, 0xef, 0xbb, 0xbf), { maxLength: 60 })
  .map((list) => Buffer.from(list));

function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length];
  const sorted = [0, ...ends].sort((a, b) => a - b);
  return sorted.slice(1).map((end, i) => whole.subarray(sorted[i], end));
}

describe('splitLines', () => {
  it('gives the same lines however the bytes are cut into chunks', () => {
    const property = fc.property(bytes, fc.array(fc.nat(), { maxLength: 8 }), (whole, places) => {
      expect(textsOf(cut(whole, places))).toEqual(textsOf([whole]));
    });
    fc.assert(property);
  });

  it('gives what a split at line feeds gives, less the ends and the mark', () => {
    const property = fc.property(bytes, (whole) => {
      const expected = whole.toString('latin1').split('\n');
      if (expected.at(-1) === '') expected.pop();
      const tidy = expected.map((line, i) => {
        const unmarked = i === 0 ? line.replace(/^\u00ef\u00bb\u00bf/, '') : line;
        return unmarked.replace(/\r$/, '');
      });
      expect(textsOf([whole])).toEqual(tidy);
    });
    fc.assert(property);
  });

  it('numbers lines from 1 and marks the ones over the limit', () => {
    const lines = [...splitLines([Buffer.from('ab\nabc'), Buffer.from('d\nx')], 3)];
    expect(lines.map(({ number, tooLong }) => [number, tooLong])).toEqual([
      [1, false],
      [2, true],
      [3, false],
    ]);
  });
});

describe('a line without end', () => {
  it('costs no memory beyond the limit', () => {
    const before = process.memoryUsage().arrayBuffers;
    let held = 0;
    const chunk = Buffer.alloc(1 << 20, 'x');
    const endless = function* () {
      for (let i = 0; i < 200; i += 1) yield chunk;
      held = process.memoryUsage().arrayBuffers - before;
    };
    const lines = [...splitLines(endless(), 4 << 20)];
    expect(lines).toEqual([{ number: 1, bytes: Buffer.alloc(0), tooLong: true }]);
    expect(held).toBeLessThan(50 << 20);
  });
});

describe('readLines', () => {
  it('reads a line that is longer than its own chunks', () => {
    const long = 'é'.repeat(2_000_000);
    const path = writeTemp(folder, 'long.txt', `short\n${long}\nend`);
    const texts = Array.from(readLines(path), (line) => line.bytes.toString());
    expect(texts.map((text) => text.length)).toEqual([5, 2_000_000, 3]);
    expect(texts[1]).toBe(long);
  });

  it('gives no line for an empty file', () => {
    expect([...readLines(writeTemp(folder, 'empty.txt', ''))]).toEqual([]);
  });
});
