import { expect, it } from 'vitest';
import { withoutDescription } from '../../src/pipe/fingerprint/stage-words.ts';

const bundled = (literal: string) => `import { Type } from "x";
var count_default = defineStage2({
  description: ${literal},
  params: Type.Object({ n: Type.Number({ description: "kept" }) }),
  run() {
    return { description: "kept too" };
  }
});
`;

it.each([
  ['"says \\"what\\" it does"', 'says "what" it does'],
  ['"it\'s $1 {"', "it's $1 {"],
  ['`a\nb`', 'a\nb'],
])('takes %s out, and nothing else', (literal, description) => {
  expect(withoutDescription(bundled(literal))).toEqual({ text: bundled('""'), description });
});

it.each(['"a" + count', '`a ${count}`', 'DESCRIPTION'])('leaves %s, which is code', (literal) => {
  const text = bundled(literal);
  expect(withoutDescription(text)).toEqual({ text, description: undefined });
});

it('leaves what is not first, or no stage', () => {
  const text =
    'var a = { description: "x",\n b };\nvar b = defineStage({\n  params: 1,\n  description: "x",\n});\n';
  expect(withoutDescription(text)).toEqual({ text, description: undefined });
});
