/**
 * How much memory `encode` takes of a model that doesn't fit: a LLaMA of the given shape with random
 * weights in half precision, and one text of exactly 64 tokens. `node bench/large-model.mjs [13b|7b|mini]`;
 * 13b writes 26 GB (to --folder, else to a temporary one that is removed).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { copyPipeline, machine } from './copy.mjs';

const TOKENS = 64;
const { values, positionals } = parseArgs({
  options: { folder: { type: 'string' } },
  allowPositionals: true,
});
const [size = '13b'] = positionals;
const model = values.folder ?? mkdtempSync(join(tmpdir(), 'pipe-bench-model-'));
const { folder, pipe, remove } = copyPipeline();
try {
  if (!existsSync(join(model, 'model.safetensors.index.json'))) {
    const writer = join(import.meta.dirname, '..', 'tools', 'write-random-llama.mjs');
    spawnSync(process.execPath, [writer, model, size], { stdio: 'ignore' });
  }
  const text =
    'The quick brown fox jumps over the lazy dog near the old bridge of the town. The do';
  writeFileSync(join(folder, 'documents.jsonl'), `${JSON.stringify({ page: 'P', text })}\n`);
  writeFileSync(join(folder, 'examples.jsonl'), '');
  writeFileSync(
    join(folder, 'large.yaml'),
    `version: 1
stages:
  encode:
    use: stages/encode.ts
    matrix: { model: [{ name: large, path: ${JSON.stringify(model)} }] }
    inputs: { weights: "\${matrix.model.path}/*", documents: documents.jsonl, examples: examples.jsonl }
    params: { chunkTokens: ${TOKENS}, chunkOverlap: 0 }
    resources: { cpu: 2 }
`,
  );
  const { stdout, wallMs } = pipe('run', 'encode', '--file', 'large.yaml', '--json');
  const events = stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  console.log(machine());
  for (const { text: note } of events.filter(({ type }) => type === 'taskNote')) {
    console.log(`  ${note}`);
  }
  // The tokenizer of the fixture makes 64 tokens of the text, the special one included.
  const { count, rows } = JSON.parse(
    readFileSync(join(folder, 'artifacts', 'encode@large', 'states', 'index.json'), 'utf8'),
  );
  if (count !== 1 || rows !== TOKENS) throw new Error(`${count} texts of ${rows} tokens`);
  const ran = events.find(({ type }) => type === 'taskRan');
  const gib = (ran.peakRssBytes / 2 ** 30).toFixed(2);
  console.log(
    `encode of ${rows} tokens, ${size}: peak ${gib} GiB resident; the task took ${(ran.wallMs / 1000).toFixed(0)} s, ` +
      `with the digests of the files ${(wallMs / 1000).toFixed(0)} s`,
  );
} finally {
  remove();
  if (!values.folder) rmSync(model, { recursive: true, force: true });
}
