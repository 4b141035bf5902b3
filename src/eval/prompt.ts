/**
 * The questions to evaluate and the training claims that baselines learn from, read from what
 * `templates` wrote. Knows those two formats, no model and no metric.
 */
import { type ClaimId, decodeId, decodeLabel } from '../fever/claim.ts';
import { DataError } from '../fever/data-error.ts';
import { countOf, recordOf, stringOf } from '../fever/field.ts';
import { readJsonLines } from '../fever/json-lines.ts';
import type { Label } from '../fever/label.ts';

/** A question at a number of shots; `prompt` ends where the answer begins. */
export interface Prompt {
  readonly claimId: ClaimId;
  readonly page: string;
  readonly claim: string;
  readonly gold: Label;
  readonly shots: number;
  /** Which choice of few-shot examples. */
  readonly shotSeed: number;
  /** The letters of the labels, in the labels' order. */
  readonly letters: string;
  readonly prompt: string;
}

/**
 * The prompts with a wanted number of shots, in the file's order.
 * @throws DataError at a bad line, and when a wanted number has no prompt: a table without its
 * column would look like one that nobody asked for.
 */
export function readPrompts(path: string, shots: readonly number[]): Prompt[] {
  const all = [...readJsonLines(path, decodePrompt)];
  const present = new Set(all.map((item) => item.shots));
  const missing = shots.filter((count) => !present.has(count));
  if (missing.length > 0) {
    throw new DataError(`no prompt has ${missing.join(', ')} shots`, {
      file: path,
      hint: 'give eval and templates the same shots, and see how many questions truncate left',
    });
  }
  return all.filter((item) => shots.includes(item.shots));
}

function decodePrompt(value: unknown): Prompt {
  const record = recordOf(value);
  return {
    claimId: decodeId(record.claimId, 'claimId'),
    page: stringOf(record.page, 'page'),
    claim: stringOf(record.claim, 'claim'),
    gold: decodeLabel(record.gold, 'gold'),
    shots: countOf(record.shots, 'shots'),
    shotSeed: countOf(record.shotSeed, 'shotSeed'),
    letters: stringOf(record.letters, 'letters'),
    prompt: stringOf(record.prompt, 'prompt'),
  };
}

export interface TrainingClaim {
  readonly claim: string;
  readonly label: Label;
}

/** An example as `templates` wrote it for the memory of templates. */
export interface TrainingExample extends TrainingClaim {
  readonly claimId: ClaimId;
  readonly prompt: string;
  readonly answer: string;
}

export function readExamples(path: string): TrainingExample[] {
  return [...readJsonLines(path, decodeExample)];
}

/** The distinct training claims of the examples; a claim that several pages share counts once. */
export function trainingClaimsOf(examples: readonly TrainingExample[]): TrainingClaim[] {
  return [...new Map(examples.map((item) => [item.claimId, item])).values()];
}

function decodeExample(value: unknown): TrainingExample {
  const record = recordOf(value);
  return {
    claimId: decodeId(record.claimId, 'claimId'),
    claim: stringOf(record.claim, 'claim'),
    label: decodeLabel(record.label, 'label'),
    prompt: stringOf(record.prompt, 'prompt'),
    answer: stringOf(record.answer, 'answer'),
  };
}

/**
 * Indices of the prompts that belong together: the same page, number of shots and examples, so that
 * they differ in the claim at their end only.
 */
export function groupPrompts(prompts: readonly Prompt[]): number[][] {
  const groups = new Map<string, number[]>();
  prompts.forEach(({ page, shots, prompt }, at) => {
    const name = JSON.stringify([page, shots, headOf(prompt)]);
    const group = groups.get(name);
    if (group) group.push(at);
    else groups.set(name, [at]);
  });
  return [...groups.values()];
}

/** All but the last two lines: the claim and the beginning of its answer. */
export function headOf(prompt: string): string {
  return prompt.split('\n').slice(0, -2).join('\n');
}

/** How long the prompts with one number of shots are, and one of them to read. */
export interface PromptSizes {
  readonly shots: number;
  readonly questions: number;
  readonly tokens: { readonly min: number; readonly median: number; readonly max: number };
  readonly example: { readonly claimId: ClaimId; readonly prompt: string; readonly tokens: number };
}

export function promptSizes(
  prompts: readonly Prompt[],
  tokensOf: (text: string) => number,
): PromptSizes[] {
  const counts = [...new Set(prompts.map(({ shots }) => shots))].sort((a, b) => a - b);
  return counts.map((shots) => {
    const own = prompts.filter((item) => item.shots === shots);
    const sorted = own.map(({ prompt }) => tokensOf(prompt)).sort((a, b) => a - b);
    const [min, median, max] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map(
      (at) => sorted[at]!,
    );
    const { claimId, prompt } = own[0]!;
    return {
      shots,
      questions: own.length,
      tokens: { min: min!, median: median!, max: max! },
      example: { claimId, prompt, tokens: tokensOf(prompt) },
    };
  });
}
