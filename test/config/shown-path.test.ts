import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { shownPath } from '../../src/pipe/config/shown-path.ts';

it('shows a path relative to the working folder, or whole where that is shorter', () => {
  expect(shownPath(resolve('stages/a.ts'))).toBe(join('stages', 'a.ts'));
  expect(shownPath(resolve('../x.ts'))).toBe(join('..', 'x.ts'));
  expect(shownPath('/x.ts')).toBe('/x.ts');
});
