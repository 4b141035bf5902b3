import { expect, it } from 'vitest';
import { namesText } from '../../src/cli/reporter/wording.ts';

const names = (count: number) => Array.from({ length: count }, (_, index) => `f${index}`);

it('names a few files, and counts those of a switch of branches', () => {
  expect(namesText(names(2))).toBe('f0, f1');
  expect(namesText(names(6))).toBe('f0, f1, f2, f3, f4, f5');
  expect(namesText(names(1600))).toBe('f0, f1, f2, f3, f4 and 1595 more');
});
