import { expect, it } from 'vitest';
import { digestOf } from '../../src/pipe/digest.ts';
import { differingRecords, readRecords } from '../../src/pipe/fingerprint/file-records.ts';

const markOf = (text: string) => digestOf(text).slice(0, 11);
const read = (text: string, name = 'a.jsonl') => readRecords(Buffer.from(text), name, markOf)!;
const difference = (before: string, after: string, name = 'a.jsonl') => {
  const { texts: _gone, ...kept } = read(before, name);
  return differingRecords(kept, read(after, name));
};

it('tells edited, added and removed lines apart by their place', () => {
  expect(difference('a\nb\nc\n', 'a\nB\nc\nd\n')).toEqual({
    unit: 'line',
    edited: 1,
    added: 1,
    removed: 0,
    first: [
      { how: 'edited', at: '2', text: 'B' },
      { how: 'added', at: '4', text: 'd' },
    ],
  });
  expect(difference('a\nb\nc\n', 'b\nc\n')).toMatchObject({
    removed: 1,
    first: [{ how: 'removed', at: '1' }],
  });
});

it('counts a line that is there once more', () => {
  expect(difference('a\nb\n', 'a\nb\na\n')).toMatchObject({ added: 1, edited: 0, removed: 0 });
});

it('names entries of JSON by key, whatever their order and form', () => {
  const before = '{"a": 1, "b": {"x": [1, 2]}, "c": 3}';
  expect(difference(before, '{"c":3,"b":{"x":[1,2]},"a":1}\n', 'a.json')).toBeUndefined();
  expect(difference(before, '{"a": 1, "b": {"x": [1]}, "d": 3}', 'a.json')).toMatchObject({
    edited: 1,
    added: 1,
    removed: 1,
    first: [
      { how: 'edited', at: 'b', text: '{"x":[1]}' },
      { how: 'added', at: 'd', text: '3' },
      { how: 'removed', at: 'c' },
    ],
  });
  expect(difference('[1,2]', '[0,1,2]', 'a.json')?.first).toEqual([
    { how: 'added', at: '0', text: '0' },
  ]);
});

it('keeps quiet about what is no data, is broken, or changed its kind', () => {
  expect(readRecords(Buffer.from('x'), 'a.bin', markOf)).toBeUndefined();
  expect(readRecords(Buffer.from('{"a":'), 'a.json', markOf)).toBeUndefined();
  const { texts: _gone, ...lines } = read('a\n');
  expect(differingRecords(lines, read('{"a":1}', 'a.json'))).toBeUndefined();
});

it('shortens a long record', () => {
  const [first] = difference('a\n', `${'x'.repeat(200)}\n`)?.first ?? [];
  expect(first?.text).toBe(`${'x'.repeat(159)}…`);
});
