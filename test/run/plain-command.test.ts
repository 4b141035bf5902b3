/**
 * What counts as plain must mean to a shell exactly the words that are read from it here: each plain
 * line is given to /bin/sh, too.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainCommand } from '../../src/pipe/run/plain-command.ts';
import { temporaryFolder } from '../store/temporary.ts';

describe('plain commands', () => {
  it.each([
    ['head -n 1 in/a.txt', { program: 'head', args: ['-n', '1', 'in/a.txt'] }],
    ['head in/a.txt > out/o.txt', { program: 'head', args: ['in/a.txt'], target: 'out/o.txt' }],
    ['head in/a.txt >out/o.txt\n', { program: 'head', args: ['in/a.txt'], target: 'out/o.txt' }],
    [`python a.py 'two words' "b"c''`, { program: 'python', args: ['a.py', 'two words', 'bc'] }],
    [`tool 'new\nline' x=1`, { program: 'tool', args: ['new\nline', 'x=1'] }],
    ['one 2 > o', { program: 'one', args: ['2'], target: 'o' }],
  ])('reads %j', (line, expected) => {
    expect(plainCommand(line)).toEqual(expected);
  });

  it.each([
    '',
    'a; b',
    'a && b',
    'a | b',
    'a &',
    'a\nb',
    'a $HOME',
    'a "$HOME"',
    'a `b`',
    'a *.txt',
    'a ?',
    'a [b]',
    'a {b,c}',
    'a ~/b',
    'a #b',
    'a !b',
    'a \\b',
    'a "\\b"',
    'a (b)',
    "a 'b",
    'a >> b',
    'a >| b',
    'a 2> b',
    'a 2>&1',
    'a > b c',
    'a > b > c',
    'a < b',
    "a > ''",
    'a > /dev/tcp/localhost/80',
    'A=1 b',
    './a b',
    '/bin/a b',
    '-a',
    "'a b' c",
    'a\r',
  ])('leaves %j to a shell', (line) => {
    expect(plainCommand(line)).toBeUndefined();
  });

  it('reads what a shell reads', () => {
    const folder = temporaryFolder();
    const show = join(folder, 'show');
    writeFileSync(show, '#!/bin/sh\nprintf "%s\\n--\\n" "$@"\n', { mode: 0o755 });
    const environment = { PATH: `${folder}:/usr/bin:/bin` };
    const piece = fc.constantFrom(
      ...['a', 'Z9', '-', '--x', '=', ',', ':', '@', '%', '+', '.', '/', "'b c'", '"d e"', "''"],
      ...[
        "'$HOME'",
        `"it's"`,
        `'"'`,
        "'\n'",
        ' ',
        '  ',
        '\t',
        ' > ',
        ' >',
        '$',
        '*',
        '~',
        '\\',
        '#',
      ],
    );
    let plainLines = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const line = `show ${pieces.join('')}`;
        const plain = plainCommand(line);
        if (plain === undefined || plain.target?.includes('/') || plain.target === '.') return;
        plainLines += 1;
        const said = execFileSync('/bin/sh', ['-c', line], { cwd: folder, env: environment });
        const printed =
          plain.target === undefined ? said : readFileSync(join(folder, plain.target));
        const words = plain.args.length === 0 ? [''] : plain.args; // printf shows none as an empty one
        expect(printed.toString()).toBe(words.map((word) => `${word}\n--\n`).join(''));
      }),
      { numRuns: 400 },
    );
    expect(plainLines).toBeGreaterThan(50);
  });
});
