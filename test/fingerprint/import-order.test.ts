import { describe, expect, it } from 'vitest';
import { orderImports } from '../../src/pipe/fingerprint/import-order.ts';

describe('orderImports', () => {
  it('sorts statements and names, keeping comments and the number of lines', () => {
    const source = [
      '// Header.',
      'import { b,',
      "  a } from './z.ts';",
      '/* between */',
      "import type { T } from './y.ts'; // behind",
      "import d, * as e from './x.ts'",
      'const x = 1;',
      "import late from './late.ts';",
    ].join('\n');
    const ordered = orderImports(source);
    expect(ordered).toBe(
      [
        '// Header.',
        "import d, * as e from './x.ts'",
        '/* between */',
        "import type { T } from './y.ts'; // behind",
        'import {a, b',
        "} from './z.ts';",
        'const x = 1;',
        "import late from './late.ts';",
      ].join('\n'),
    );
    expect(orderImports(ordered)).toBe(ordered);
  });

  it('moves nothing across an import for its effect, and marks it', () => {
    const source =
      "import { b } from 'b';\nimport { a } from 'a';\nimport 'effect';\nimport './local.ts';\nimport { d } from 'd';\nimport { c } from 'c';\n";
    expect(orderImports(source)).toBe(
      "import { a } from 'a';\nimport { b } from 'b';\nimport 'effect:effect';\nimport './local.ts';\nimport { c } from 'c';\nimport { d } from 'd';\n",
    );
  });

  it.each([
    ['a dynamic import', "import('./b.ts');\nimport { a } from 'a';"],
    ['import.meta', "import.meta.url;\nimport { a } from 'a';"],
    ['no imports', 'const text = "import { b, a } from \'x\'";'],
    ['an empty file', ''],
    ['comments among the names', "import { b, /* first */ a } from 'x';"],
    ['one in order, with attributes', "import data from './d.json' with { type: 'json' };"],
  ])('leaves %s alone', (_, source) => expect(orderImports(source)).toBe(source));
});
