import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { renderCommand, shellQuote } from '../../src/pipe/run/command.ts';

describe('renderCommand', () => {
  const values = {
    inputs: { a: ['in/a/a b.txt'], list: ['x', "y'z"] },
    outputs: { out: 'out/out.txt' },
    params: { n: 3, text: '$(rm -rf /)', tags: ['p', 'q r'], deep: { rate: 0.5 } },
  };

  it('replaces its own placeholders and leaves the shell its own', () => {
    const command = `sort \${inputs.a} \${inputs.list} \${params.n} \${params.tags} \${params.deep.rate} "\${HOME}" > \${outputs.out}`;
    expect(renderCommand(command, values)).toBe(
      `sort 'in/a/a b.txt' x 'y'\\''z' 3 p 'q r' 0.5 "\${HOME}" > out/out.txt`,
    );
    expect(renderCommand(`echo \${params.text}`, values)).toBe(`echo '$(rm -rf /)'`);
  });

  it('refuses a placeholder that names nothing', () => {
    expect(() => renderCommand(`cat \${inputs.b}`, values)).toThrow(`\${inputs.b} names nothing`);
    expect(() => renderCommand(`cat \${params.deep.x}`, values)).toThrow('names nothing');
  });
});

it('quotes any text so that a shell gives it back', () => {
  const word = fc.string({ unit: 'binary' }).filter((text) => !/[\0\ud800-\udfff]/u.test(text));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      const line = `for word in ${words.map(shellQuote).join(' ')}; do printf '%s\\0' "$word"; done`;
      const echoed = execFileSync('/bin/sh', ['-c', line], { encoding: 'utf8' });
      expect(echoed.split('\0').slice(0, -1)).toEqual(words);
    }),
    { numRuns: 30 },
  );
});
