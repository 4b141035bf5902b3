import { expect, it } from 'vitest';
import { PromptFileError, parsePrompts } from '../../src/ask/prompt-file.ts';

const parse = (text: string, continuations = true) =>
  parsePrompts(text, 'p.jsonl', { continuations });

it('reads lines with their numbers, and hands ids through', () => {
  const text =
    '{"id":"x","context":"A:","continuation":" (a)"}\n\n{"context":"","continuation":"b"}\n';
  expect(parse(text)).toEqual([
    { line: 1, id: 'x', context: 'A:', continuation: ' (a)' },
    { line: 3, context: '', continuation: 'b' },
  ]);
  expect(parse('{"context":"A:","continuation":3}', false)).toEqual([{ line: 1, context: 'A:' }]);
});

it('names every bad line, and what is wrong with it', () => {
  const lines = [
    '{"context":"A:","continuation":"b"}',
    '{"context":',
    '[1]',
    '{"contxt":"A:"}',
    '{"context":"A:"}',
    '{"context":"A:","continuation":""}',
    '{"context":"A:","continuation":"b","id":{}}',
  ];
  expect(() => parse(lines.join('\n'))).toThrow(PromptFileError);
  expect(() => parse(lines.join('\n'))).toThrow(
    [
      'p.jsonl:2: is not JSON (Unexpected end of JSON input)',
      'p.jsonl:3: is no JSON object; expected {"context": …}',
      'p.jsonl:4: "context" must be a text, found none',
      'p.jsonl:5: "continuation" must be a text, found none',
      'p.jsonl:6: "continuation" is empty: it has no likelihood',
      'p.jsonl:7: "id" must be a text or a number, found {}',
    ].join('\n'),
  );
});

it('stops after twenty complaints, and refuses an empty file', () => {
  expect(() => parse('x\n'.repeat(25))).toThrow(/p\.jsonl:20: .*\nand 5 more bad lines$/);
  expect(() => parse('\n \n')).toThrow('p.jsonl: holds no line');
});
