import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpolate, referencesIn, valueAt } from '../../src/pipe/config/reference.ts';
import type { Json } from '../../src/pipe/json.ts';

const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>;

describe('interpolate', () => {
  it('hands a lone reference its value untouched, whatever it is', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(interpolate({ a: ['${x.y}'] }, () => ({ value }))).toEqual({ a: [value] });
      }),
    );
  });

  it('leaves values without references and references to keep as they are', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(interpolate(value, () => 'keep')).toEqual(value);
      }),
    );
  });

  it('asks for each reference of a text and writes it as text', () => {
    const asked: string[] = [];
    const result = interpolate('a ${p.x}, ${ p.y } $z ${}', (path, text) => {
      asked.push(text);
      return path[0] === 'p' ? { value: path[1] === 'x' ? [1, 'b'] : null } : 'keep';
    });
    expect(result).toBe('a [1,"b"], null $z ${}');
    expect(asked).toEqual(['p.x', 'p.y', '']);
    expect(referencesIn('${a}${b.c}')).toEqual(['a', 'b.c']);
  });
});

describe('valueAt', () => {
  it('follows mappings and lists, and only what is their own', () => {
    const value = { list: [{ name: 'a' }], none: null };
    expect(valueAt(value, ['list', '0', 'name'])).toBe('a');
    expect(valueAt(value, ['list', '1'])).toBeUndefined();
    expect(valueAt(value, ['none'])).toBeNull();
    expect(valueAt(value, ['none', 'x'])).toBeUndefined();
    expect(valueAt(value, ['constructor'])).toBeUndefined();
    expect(valueAt(value, [])).toBe(value);
  });
});
