import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { readPlainYaml } from '../../src/pipe/config/plain-yaml.ts';
import { dedent } from './project-folder.ts';

/** As the long way reads it; `undefined` where that complains. */
function readByLibrary(text: string): unknown {
  const document = parseDocument(text, { prettyErrors: false, strict: true });
  return document.errors.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
}

it.each([
  'pipeline.yaml',
  'controls.yaml',
  'models/pipeline.yaml',
  'templates/experiment/pipeline.yaml',
  'templates/minimal/pipeline.yaml',
])('reads %s, and no word of it differently', (file) => {
  const text = readFileSync(file, 'utf8');
  const value = readPlainYaml(text);
  expect(value).toBeDefined();
  expect(JSON.stringify(value)).toBe(JSON.stringify(readByLibrary(text)));
});

it('reads all that it calls plain', () => {
  const text = dedent(`
    # a comment

    numbers: [0, -1, 2.50]   # with blanks
    words: { t: true, f: False, n: null, yes: yes, date: "2001-01-01" }
    texts:
      - a b
      - 'it is "x"'
        # deeper
      - http://a/b:c
    empty:
    deep:   # of more
        deeper:
          deepest: head -n 1 \${inputs.a} > \${outputs.o}
    constructor: x
  `);
  expect(readPlainYaml(text)).toEqual({
    numbers: [0, -1, 2.5],
    words: { t: true, f: false, n: null, yes: 'yes', date: '2001-01-01' },
    texts: ['a b', 'it is "x"', 'http://a/b:c'],
    empty: null,
    deep: { deeper: { deepest: 'head -n 1 ${inputs.a} > ${outputs.o}' } },
    constructor: 'x',
  });
});

it.each([
  ['nothing', ''],
  ['a tab', 'a:\tb'],
  ['a letter beyond ASCII', 'a: é'],
  ['a line end of another system', 'a: b\r\n'],
  ['an anchor', 'a: &b c'],
  ['an alias', 'a: *b'],
  ['a tag', 'a: !!str 1'],
  ['text in a block', 'a: |\n  b'],
  ['text over two lines', 'a: b\n  c'],
  ['an escape', 'a: "\\n"'],
  ['a quote in quotes', "a: 'b''c'"],
  ['a number in another notation', 'a: 1e3'],
  ['an octal number', 'a: 0o17'],
  ['a date', 'a: 2001-01-01'],
  ['a key that is a number', '1: a'],
  ['a key that is a truth value', 'true: a'],
  ['a key that names the prototype', '__proto__: {}'],
  ['a key in quotes', '"a": b'],
  ['a key twice', 'a: b\na: c'],
  ['a key twice in brackets', 'a: { b: c, b: d }'],
  ['a mapping behind a key', 'a: b: c'],
  ['a mapping behind a dash', 'a:\n  - b: c'],
  ['a list that is not indented', 'a:\n- b'],
  ['a flow mapping over two lines', 'a: { b: c,\n  d: e }'],
  ['a comma at the end', 'a: [b, ]'],
  ['a key without a value in brackets', 'a: { b }'],
  ['an open bracket', 'a: [b'],
  ['less indentation than any', 'a:\n    b: c\n  d: e'],
  ['two documents', 'a: b\n---\nc: d'],
])('leaves %s to the library', (_, text) => {
  expect(readPlainYaml(text)).toBeUndefined();
});

const PIECES = [
  ...['a', 'key', 'k-1', 'true', 'null', 'constructor', '__proto__', 'x y', 'head ${a.b} > c'],
  ...['0', '-1', '1.50', '007', '1e3', '.5', '0x1f', '.inf', '12:30', '1_0', '10s', './a/*', '~'],
  ...['"a: #"', "'b'", '""', '{ a: 1, b: [c] }', '[a, "b"]', '{}', '[', ']', '{', '}', ', ', '"'],
  ...[
    ':',
    ': ',
    ' :',
    ' #',
    '# c',
    '- ',
    '-',
    '? ',
    '&a ',
    '*a',
    '!t ',
    '|',
    '>',
    '%',
    '@',
    '<<: ',
  ],
  ...['a: ', 'b:', 'c: d', '\n', '\n\n', '\n  ', '\n    ', '\n- ', '\n  - ', '\na: ', '\n  b: '],
  ...['\nc:\n  ', ' ', '   ', '---', '...', '\\', '\t', 'é'],
];

it('reads what it reads as the library does, or leaves it', () => {
  const piece = fc.constantFrom(...PIECES);
  const document = fc.array(piece, { maxLength: 12 }).map((pieces) => `a: b${pieces.join('')}`);
  const line = fc.tuple(
    fc.constantFrom('', '  ', '    '),
    fc.constantFrom('a', 'b', 'c', 'd', '-'),
  );
  const text = fc.array(fc.tuple(line, fc.constantFrom(' ', '  ', ''), piece), { maxLength: 8 });
  const lines = text.map((all) =>
    all.map(
      ([[indent, key], gap, rest]) => `${indent}${key}${key === '-' ? '' : ':'}${gap}${rest}`,
    ),
  );
  let taken = 0;
  const property = fc.property(
    fc.oneof(
      document,
      lines.map((all) => all.join('\n')),
    ),
    (made) => {
      const value = readPlainYaml(made);
      if (value === undefined) return;
      taken += 1;
      expect(JSON.stringify(value)).toBe(JSON.stringify(readByLibrary(made)));
    },
  );
  fc.assert(property, { numRuns: 4000 });
  expect(taken).toBeGreaterThan(100);
});
