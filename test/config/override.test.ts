import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { isPlainOverride, parseValue } from '../../src/pipe/config/override.ts';

/** What the library makes of it, where it makes anything. */
function byLibrary(text: string): unknown {
  try {
    const value = parse(text.trim());
    const isCollection = value !== null && typeof value === 'object';
    return isCollection && !/^[[{]/.test(text.trim()) ? text.trim() : value;
  } catch {
    return text.trim();
  }
}

it('reads plain values without the library', () => {
  const plain = ['topK=50', 'rate=-0.5', 'name=a b', 'on=true', 'list=[1, two]', 'deep={ a: 1 }'];
  for (const text of plain) expect(isPlainOverride(text), text).toBe(true);
  const others = ['a=', 'a=null', 'a=1e3', 'a=*.jsonl', 'a=[1', 'a=b: c', 'a=#\nb: c', 'a="\\n"'];
  for (const text of others) expect(isPlainOverride(text), text).toBe(false);
});

it('reads all values as the library does', () => {
  const pieces = ['a', 'true', 'null', '1', '-', '.5', 'e3', ': ', ' #', '"', "'", '"b"', '[', ']'];
  const more = ['{', '}', ', ', '[1, 2]', '{ a: b }', '*', '&', '|', '~', '\n', '---', '/', '${a}'];
  const piece = fc.constantFrom(...pieces, ...more);
  const text = fc.array(piece, { minLength: 1, maxLength: 5 }).map((all) => all.join(''));
  const property = fc.property(text, (given) => {
    if (given.trim() === '') return;
    expect(JSON.stringify(parseValue(given))).toBe(JSON.stringify(byLibrary(given)));
  });
  fc.assert(property, { numRuns: 2000 });
});
