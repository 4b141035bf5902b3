/**
 * A tiny random model with memories, and a few questions in the real template: enough for `eval` to
 * do all that it does, in a second.
 */
import { cpSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerOf, type Label } from '../../src/fever/label.ts';
import { writePrompt } from '../../src/fever/prompt.ts';
import { writeInitialModel } from '../../src/lm/pretrain/initial-model.ts';
import { noteMemory } from '../../src/memory/adapter/config.ts';
import { initialAdapter } from '../../src/memory/adapter/memory.ts';
import { memoryBlocks } from '../../src/memory/blocks.ts';
import { saveMemory } from '../../src/memory/files.ts';
import { startBackend } from '../../src/tensor/backend.ts';
import { fanIn, files } from './stage-run.ts';

const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));
const SHAPE = { layers: 5, hidden: 32, heads: 4, intermediate: 64, rotaryShare: 0.25 };

export interface Asked {
  readonly claimId: number;
  readonly page: string;
  readonly claim: string;
  readonly gold: Label;
}

const PAGES = ['The_Mill', 'Old_Harbour', 'Łódź_(river)', ''];
const GOLD: readonly Label[] = ['SUPPORTS', 'REFUTES', 'NOT ENOUGH INFO'];

export const QUESTIONS: readonly Asked[] = PAGES.flatMap((page, p) =>
  GOLD.map((gold, g) => ({
    claimId: 10 * p + g,
    page,
    claim: `The mill ${p} of the harbour leaves no light ${'on '.repeat(g)}.`,
    gold,
  })),
);

/** Prompts of every question at every number of shots. */
export function promptLines(questions: readonly Asked[], shots: readonly number[]): object[] {
  const examples = GOLD.map((label, at) => ({ claim: `Claim ${at} of the page.`, label }));
  return questions.flatMap((question) =>
    shots.map((count) => ({
      ...question,
      shots: count,
      shotSeed: 0,
      letters: 'abc',
      prompt: writePrompt({ shots: examples.slice(0, count), claim: question.claim }),
    })),
  );
}

/** Training claims whose words give the label away to naive Bayes. */
export const EXAMPLES = GOLD.flatMap((label, g) =>
  [0, 1].map((at) => ({
    page: 'The_Mill',
    claimId: 900 + 2 * g + at,
    claim: `The mill leaves no light ${'on '.repeat(g)}.`,
    label,
    prompt: writePrompt({ shots: [], claim: `The mill ${at} leaves no light ${'on '.repeat(g)}.` }),
    answer: answerOf(label),
  })),
);

export interface World {
  readonly folder: string;
  readonly inputs: ReturnType<typeof inputsOf>;
}

/** `gates`: one memory a candidate, by its gate (0 makes it void). */
export async function makeWorld(
  gates: Readonly<Record<string, number>>,
  questions: readonly Asked[] = QUESTIONS,
): Promise<World> {
  await startBackend('wasm');
  const folder = mkdtempSync(join(tmpdir(), 'eval-'));
  const model = join(folder, 'model');
  writeInitialModel(model, { ...SHAPE, vocab: 330, maxPositions: 64 }, 7);
  for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
    cpSync(join(FIXTURES, 'tokenizer-neox', name), join(model, name));
  }
  for (const [seed, [candidate, gateInit]] of Object.entries(gates).entries()) {
    const config = { ...noteMemory, hidden: 8, gateInit, width: SHAPE.hidden };
    const memory = initialAdapter(config, memoryBlocks(SHAPE.layers), seed);
    await saveMemory(memory, join(folder, candidate));
    memory.dispose();
  }
  writeLines(join(folder, 'prompts.jsonl'), promptLines(questions, [0, 1, 2]));
  writeLines(join(folder, 'examples.jsonl'), EXAMPLES);
  return { folder, inputs: inputsOf(folder, Object.keys(gates)) };
}

function inputsOf(folder: string, candidates: readonly string[]) {
  const weights = ['config.json', 'model.safetensors', 'tokenizer.json'];
  const model = join(folder, 'model');
  return {
    weights: files(
      model,
      weights.map((name) => join(model, name)),
    ),
    memories: fanIn(candidates.map((candidate) => [{ candidate }, join(folder, candidate)])),
    prompts: files(join(folder, 'prompts.jsonl')),
    examples: files(join(folder, 'examples.jsonl')),
  };
}

export function writeLines(path: string, records: readonly object[]): void {
  writeFileSync(path, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

export const PARAMS = {
  model: 'tiny',
  shots: [0, 1, 2],
  scoring: ['likelihood'],
  contentFree: ['N/A'],
  controls: [],
  contextTokens: 16,
  targetDelimiter: ' ',
  overlap: 'fail',
  batch: 48,
  maxTokens: 4,
  voidMemories: [],
};
