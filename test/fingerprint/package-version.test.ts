import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageVersions } from '../../src/pipe/fingerprint/package-version.ts';
import { projectFolder } from '../config/project-folder.ts';

const lock = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages });

describe('packageVersions', () => {
  const packages = {
    '': { name: 'project' },
    'node_modules/a': { version: '1.0.0', dependencies: { b: '*', '@types/c': '*' } },
    'node_modules/b': { version: '2.0.0', dependencies: { a: '*' }, peerDependencies: { p: '*' } },
    'node_modules/a/node_modules/b': { version: '2.1.0', optionalDependencies: { o: '*' } },
    'node_modules/o': { version: '3.0.0', optional: true },
    'node_modules/p': { version: '4.0.0' },
    'node_modules/@types/c': { version: '5.0.0' },
    'node_modules/unrelated': { version: '6.0.0' },
  };

  it('follows what is needed at run time, nested versions first, installed or not', () => {
    const root = projectFolder({ 'package-lock.json': lock(packages) });
    expect(packageVersions(['a'], root)).toEqual({ a: '1.0.0', b: '2.1.0', o: '3.0.0' });
    expect(packageVersions(['b', 'a'], root)).toEqual({
      a: '1.0.0',
      b: '2.0.0, 2.1.0',
      o: '3.0.0',
      p: '4.0.0',
    });
  });

  it('takes the nearest lockfile above, and what is installed where that is silent', () => {
    const root = projectFolder({
      'package-lock.json': lock(packages),
      'models/node_modules/local/package.json': '{"version":"7.0.0","dependencies":{"a":"*"}}',
    });
    expect(packageVersions(['local', 'gone'], join(root, 'models'))).toEqual({
      a: '1.0.0',
      b: '2.1.0',
      gone: 'absent',
      local: '7.0.0',
      o: '3.0.0',
    });
  });

  it("ignores Node's own modules", () => {
    expect(packageVersions(['fs', 'fs/promises'], projectFolder({ x: '' }))).toEqual({});
  });
});
