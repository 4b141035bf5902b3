import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../src/fever/data-error.ts';
import { normaliseTitle } from '../../src/fever/title.ts';
import { type DumpOptions, findPages } from '../../src/fever/wiki-dump.ts';
import { decodeWikiPage, sniffPage } from '../../src/fever/wiki-page.ts';
import { tempFolder, writeTemp } from './temp-file.ts';

const folder = tempFolder();
const sniff = (line: string) => sniffPage(Buffer.from(line));

describe('decodeWikiPage', () => {
  it('undoes the escapes in title and text', () => {
    const page = decodeWikiPage({
      id: 'A_-LRB-b-RRB-',
      text: ' A -LRB- b -RRB- \n',
      lines: '0\tA',
    });
    expect(page).toEqual({ page: 'A_(b)', text: 'A ( b )', tornLines: 0, rebuilt: false });
  });

  it('takes a blank text at its word, whatever the lines hold', () => {
    expect(decodeWikiPage({ id: 'A', text: ' ', lines: '0\tHello.' }).text).toBe('');
  });

  it('puts an absent text together from the lines, without links and torn entries', () => {
    const lines = '0\tOne.\tlink\tLink\n1\t\ntorn\tentry\n\n7\tTwo.\n8';
    const page = decodeWikiPage({ id: 'A', lines });
    expect(page).toEqual({ page: 'A', text: 'One. Two.', tornLines: 2, rebuilt: true });
  });

  it.each([
    [{ id: 7, text: 'x' }, 'id: expected a page title, found the number 7'],
    [{ id: 'A', text: 7 }, 'text: expected a string, found the number 7'],
    [{ id: 'A', text: 'x', lines: ['0'] }, 'lines: expected a string, found a list of 1'],
  ])('refuses %j', (record, message) => {
    expect(() => decodeWikiPage(record)).toThrow(message);
  });
});

describe('sniffPage', () => {
  it.each([
    ['{"id": "A_-LRB-b-RRB-", "text"', 'A_(b)'],
    ['{"id":"Cafe\u0301"}', 'Café'],
    [' {\t"id" : "" }', ''],
    ['{"text": "x", "id": "A"}', undefined],
    ['{"id": "Q\\u0041"}', undefined],
    ['{"id": "never ends', undefined],
    ['{"id": 7}', undefined],
    ['{"ids": "A"}', undefined],
    ['', undefined],
  ])('%s → %s', (line, expected) => {
    expect(sniff(line)).toBe(expected);
  });

  it('never contradicts the parser', () => {
    const gap = fc.constantFrom('', ' ', '\t');
    const property = fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.array(gap, { minLength: 3, maxLength: 3 }),
      (id, [a, b, c]) => {
        const line = `${a}{${b}"id"${c}:${JSON.stringify(id)},"text":""}`;
        expect([undefined, normaliseTitle(id)]).toContain(sniff(line));
      },
    );
    fc.assert(property, { numRuns: 500 });
  });
});

function file(name: string, ...lines: (string | object)[]): string {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)));
  return writeTemp(folder, name, `${text.join('\n')}\n`);
}

async function search(files: string[], wanted: string[], options: Partial<DumpOptions> = {}) {
  const found = await findPages(files, wanted, { onBadLine: 'fail', ...options });
  return {
    ...found,
    texts: Object.fromEntries([...found.pages].map(([t, { text }]) => [t, text])),
  };
}

describe('findPages', () => {
  it('finds pages under any spelling, key order and spacing, over several files', async () => {
    const first = file('w1', { id: '', text: '' }, '{"text":"a","id":"A_-LRB-x-RRB-"}', {
      id: 'N',
      text: 'n',
    });
    const second = file('w2', '{"id":"Caf\\u00e9","text":"b"}', ' { "id" : "C" , "text" : "c" }');
    const { texts } = await search([first, second], ['A_(x)', 'Café', 'C', 'Missing']);
    expect(texts).toEqual({ 'A_(x)': 'a', Café: 'b', C: 'c' });
  });

  it('ends early when every wanted page has a text', async () => {
    const first = file(
      'e1',
      { id: 'A', text: 'a' },
      { id: 'B', text: 'b' },
      { id: 'C', text: 'c' },
    );
    const seen: number[][] = [];
    const found = await search([first, file('e2', 'not JSON')], ['B'], {
      onFile: (...progress) => {
        seen.push(progress);
      },
    });
    expect(found.lines).toBe(2);
    expect(seen).toEqual([[1, 2, 1]]);
  });

  it('takes the first text that is not blank and counts the other occurrences', async () => {
    const path = file(
      'd',
      { id: 'A', text: '' },
      { id: 'A', text: 'one' },
      { id: 'A', text: 'two' },
    );
    const { texts, duplicatePages } = await search([path], ['A', 'never']);
    expect(texts).toEqual({ A: 'one' });
    expect(duplicatePages).toBe(2);
  });

  it('keeps an empty page apart from a missing one', async () => {
    const { texts } = await search([file('m', { id: 'A', text: '  ' })], ['A', 'B']);
    expect(texts).toEqual({ A: '' });
  });

  it('does not parse what nobody asked for', async () => {
    const path = file('u', '{"id": "Unwanted", "text": broken', { id: 'A', text: 'a' });
    expect((await search([path], ['A'])).texts).toEqual({ A: 'a' });
  });

  it('names file and line of a bad page, or counts it', async () => {
    const path = file('b.jsonl', '', '{"id": "A", "text": broken', { id: 'B', text: 'b' });
    const failure = search([path], ['A', 'B']);
    await expect(failure).rejects.toThrow(DataError);
    await expect(failure).rejects.toMatchObject({ where: { file: path, line: 2 } });
    const { badLines, texts } = await search([path], ['A', 'B'], { onBadLine: 'skip' });
    expect([badLines, texts]).toEqual([1, { B: 'b' }]);
  });
});
