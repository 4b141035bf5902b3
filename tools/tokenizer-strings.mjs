/**
 * Strings to try tokenizers on: many scripts, combining marks, emoji, code, runs of blanks, numbers,
 * and the tokens that models take whole. The same for the same seed, in any version of Node. Run as a
 * program it prints them, one JSON string a line: `node tools/tokenizer-strings.mjs COUNT SEED`.
 */
import { fileURLToPath } from 'node:url';

const WORDS =
  "the of and Claim evidence supports refutes harbour Velm naïve café Straße Ærø İstanbul don't we'll I'm they've it's d'être 日本語 中文字符 한국어 Привет мир Γειά שלום مرحبا हिन्दी ไทย".split(
    ' ',
  );
const CODE = [
  'def f(x):\n    return x**2\n',
  'for (let i = 0; i < n; i++) {\n\t\tsum += a[i];\n}',
  'SELECT * FROM t WHERE a="b";',
  '#include <stdio.h>\r\n',
  '<div class="x">&amp;</div>',
  'http://example.org/a?b=c&d=%20#e',
  '{"context": "A:", "n": -1.5e-10}',
  '\\begin{equation} x_{i}^2 \\end{equation}',
];
const SPECIAL = [
  '<|endoftext|>',
  '<|im_start|>',
  '<|im_end|>',
  '<s>',
  '</s>',
  '<unk>',
  '<0x0A>',
  '▁',
  'Ġ',
  '[INST]',
];
const EMOJI = [
  '😀',
  '👩‍👩‍👧‍👦',
  '🏳️‍🌈',
  '🇩🇪',
  '👍🏽',
  '☃️',
  '𝕏',
  '𐍈',
  '\u{1F9D1}\u{1F3FB}\u200D\u{1F4BB}',
];
const MARKS = [
  '\u0301',
  '\u0308',
  '\u0327',
  '\u200d',
  '\ufe0f',
  '\u00ad',
  '\u0000',
  '\u0007',
  '\ufeff',
  '\u202e',
];
const SIGNS = '.,;:!?()[]{}<>/\\|@#$%^&*-_=+~`\'"…—–“”‘’«»°€£'.split('');
const BLANKS = [
  ' ',
  '  ',
  '   ',
  '\n',
  '\n\n',
  '\t',
  '\r\n',
  '\u00a0',
  '\u3000',
  '\u2028',
  ' \n',
  '\n ',
  '      ',
];
/** First and last code point of blocks that letters are drawn from. */
const BLOCKS = [
  [0x20, 0x7e],
  [0xa0, 0x24f],
  [0x370, 0x3ff],
  [0x400, 0x4ff],
  [0x590, 0x5ff],
  [0x600, 0x6ff],
  [0x900, 0x97f],
  [0xe00, 0xe7f],
  [0x1e00, 0x1eff],
  [0x2000, 0x206f],
  [0x2190, 0x22ff],
  [0x3040, 0x30ff],
  [0x4e00, 0x9fff],
  [0xac00, 0xd7a3],
  [0xfb00, 0xfdff],
  [0x10300, 0x1034f],
  [0x1d400, 0x1d7ff],
  [0x1f300, 0x1faff],
];

/** xorshift32 (Marsaglia, 2003). */
function randomNumbers(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** `count` strings; the first is empty. */
export function tokenizerStrings(count, seed) {
  const random = randomNumbers(seed);
  const pick = (list) => list[random(list.length)];
  const letter = () => {
    const [first, last] = pick(BLOCKS);
    return String.fromCodePoint(first + random(last - first + 1));
  };
  const letters = () => Array.from({ length: 1 + random(6) }, letter).join('');
  const number = () => String(random(10 ** (1 + random(9))));
  const makers = [
    ...Array(8).fill(() => pick(WORDS)),
    ...Array(8).fill(() => pick(BLANKS)),
    ...Array(4).fill(() => ' '),
    ...Array(3).fill(() => pick(SIGNS)),
    ...Array(3).fill(letters),
    ...Array(2).fill(number),
    () => pick(EMOJI),
    () => pick(MARKS),
    () => pick(SPECIAL),
    () => (random(3) === 0 ? pick(CODE) : ''),
    () => pick(SIGNS).repeat(1 + random(7)),
    () => pick(WORDS).toUpperCase(),
    () => pick(WORDS).normalize('NFD'),
  ];
  return Array.from({ length: count }, (_, index) =>
    index === 0 ? '' : Array.from({ length: 1 + random(12) }, () => pick(makers)()).join(''),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [count, seed] = process.argv.slice(2).map(Number);
  for (const text of tokenizerStrings(count, seed)) console.log(JSON.stringify(text));
}
