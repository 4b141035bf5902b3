/**
 * The greedy texts of a GGUF model by `pipe lm generate`, against Hugging Face's Transformers on the same
 * weights, dequantised. Ten prompts, three of which hold special tokens.
 *
 *     python3 -m venv .venv-reference && .venv-reference/bin/pip install torch transformers gguf
 *     node bench/greedy.mjs --model MODEL.gguf --python .venv-reference/bin/python
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags } = parseArgs({
  options: {
    model: { type: 'string' },
    python: { type: 'string', default: 'python3' },
    prompts: { type: 'string', default: join(import.meta.dirname, 'greedy', 'prompts.jsonl') },
    'max-tokens': { type: 'string', default: '40' },
  },
});
if (!flags.model) {
  console.error(
    'usage: node bench/greedy.mjs --model MODEL.gguf [--python PYTHON] [--prompts FILE]',
  );
  process.exit(2);
}
const root = join(import.meta.dirname, '..');
const most = flags['max-tokens'];

function parseLines(text) {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

function lines(program, words) {
  return parseLines(execFileSync(program, words, { encoding: 'utf8', maxBuffer: 2 ** 26 }));
}

const ask = ['lm', 'generate', '--model', flags.model, '--prompts', flags.prompts];
const ours = lines(process.execPath, [join(root, 'bin', 'pipe.cjs'), ...ask, '--max-tokens', most]);
const reference = join(import.meta.dirname, 'greedy', 'reference.py');
const theirs = lines(flags.python, [reference, flags.model, flags.prompts, most]);
const prompts = parseLines(readFileSync(flags.prompts, 'utf8'));

let equal = 0;
for (const [index, { context }] of prompts.entries()) {
  const [own, other] = [ours[index], theirs[index]];
  const same = own.ids.join() === other.newIds.join() && own.text === other.text;
  if (same) equal += 1;
  console.log(`${same ? 'equal' : 'OTHER'}  ${JSON.stringify(context)}`);
  console.log(
    `       ${other.ids.length} tokens, then ${own.ids.length}: ${JSON.stringify(own.text)}`,
  );
  if (!same)
    console.log(`       Transformers, ${other.newIds.length}: ${JSON.stringify(other.text)}`);
}
console.log(`${equal} of ${prompts.length} equal`);
process.exitCode = equal === prompts.length ? 0 : 1;
