/** `pipe lm` as a user starts it, on a small GGUF model whose numbers Transformers computed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readModelConfig } from '../../src/lm/config.ts';
import { loadTokenizer } from '../../src/lm/tokenizer.ts';
import { noteMemory } from '../../src/memory/adapter/config.ts';
import { initialAdapter } from '../../src/memory/adapter/memory.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';
import { saveMemory } from '../../src/memory/files.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { makeProject, type RigProject } from '../rig/project.ts';

const model = join(import.meta.dirname, '..', 'fixtures', 'gguf', 'byte-level.gguf');
const tokenizer = loadTokenizer(model);

let project: RigProject;
beforeAll(() => {
  project = makeProject({
    'prompts.jsonl': [
      { id: 'mill', context: 'The mill of', continuation: ' Velm was built' },
      { context: 'Claim: ships', continuation: ' pass' },
    ]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join(''),
    'bad.jsonl': '{"context":"a","continuation":"b"}\n{"context":"a"}\n',
  });
});
afterAll(() => project.remove());

interface Answer {
  readonly line: number;
  readonly id?: string;
  readonly context: string;
  readonly continuation?: string;
  readonly logLikelihood: number;
  readonly tokens: number;
  readonly text: string;
  readonly ids: readonly number[];
}

async function ask(...words: string[]): Promise<Answer[]> {
  const { code, stdout, stderr } = await project.pipe('lm', ...words, '--backend', 'cpu');
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('backend cpu') });
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Answer);
}

it('writes the greedy text of every line', async () => {
  const words = ['generate', '--model', model, '--prompts', 'prompts.jsonl', '--max-tokens', '4'];
  const written = await ask(...words);
  expect(written.map(({ line, id }) => [line, id])).toEqual([
    [1, 'mill'],
    [2, undefined],
  ]);
  for (const { ids, text, tokens } of written) {
    expect(ids).toHaveLength(tokens);
    expect(tokenizer.decode(ids)).toBe(text);
  }
});

it('changes its mind with a memory, and writes to a file', async () => {
  await writeMemory(join(project.folder, 'memory'));
  const score = ['score', '--model', model, '--prompts', 'prompts.jsonl'];
  const plain = await ask(...score);
  const words = [...score, '--memory', 'memory/memory.safetensors', '--out', 'scores.jsonl'];
  expect(await ask(...words)).toEqual([]);
  const text = readFileSync(join(project.folder, 'scores.jsonl'), 'utf8');
  const adapted = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
  expect(adapted).toHaveLength(2);
  adapted.forEach(({ logLikelihood, tokens }, at) => {
    expect(tokens).toBe(plain[at]!.tokens);
    expect(Math.abs(logLikelihood - plain[at]!.logLikelihood)).toBeGreaterThan(1e-3);
  });
});

it('says what is wrong with words and files', async () => {
  const said = async (...words: string[]): Promise<string> => {
    const { code, stderr, stdout } = await project.pipe('lm', ...words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    return stderr;
  };
  expect(await said('scor')).toContain("did you mean 'pipe lm score'?");
  expect(await said('score', '--prompts', 'x')).toContain('pipe lm score needs --model');
  expect(await said('score', '--model', model, '--prompts', 'bad.jsonl')).toBe(
    'bad.jsonl:2: "continuation" must be a text, found none\n',
  );
  expect(await said('score', '--model', 'nowhere', '--prompts', 'prompts.jsonl')).toContain(
    'nowhere: does not exist',
  );
  expect(await said('fetch', 'org/name')).toContain('pipe lm fetch needs a name and a folder');
});

/** A random memory of the right width, saved as train saves it. */
async function writeMemory(folder: string): Promise<void> {
  await startBackend('cpu');
  const { layers, hidden: width } = readModelConfig(model);
  const memory = initialAdapter({ ...noteMemory, hidden: 4, width }, memoryBlocks(layers), 1);
  await saveMemory(memory, folder);
  memory.dispose();
}
