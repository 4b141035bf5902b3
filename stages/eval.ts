/** Every candidate answers every prompt; the answers are judged and compared with `pretrained`. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { INVALID, parseAnswer } from '../src/eval/answer.ts';
import { baselinesOf, naiveBayesCell } from '../src/eval/baseline.ts';
import { accuracyIntervals, comparisonsOf, comparisonsWith } from '../src/eval/comparison.ts';
import { type Candidate, examine, type Outcome, PRETRAINED } from '../src/eval/examine.ts';
import { type Prompt, readPrompts, readTrainingClaims } from '../src/eval/prompt.ts';
import {
  cellsOf,
  ineffective,
  ineffectiveWhenGenerating,
  predictionsOf,
  resultRows,
} from '../src/eval/result.ts';
import { resultsTable } from '../src/eval/table.ts';
import { translateErrors as translateDataErrors } from '../src/fever/data-error.ts';
import { writeJson, writeJsonLines } from '../src/fever/json-lines.ts';
import { answerOf, LABELS } from '../src/fever/label.ts';
import { modelAmong } from '../src/lm/model-place.ts';
import { blockNumbers } from '../src/memory/blocks.ts';
import { type Examinee, openExaminee } from '../src/memory/examinee.ts';
import { tokenRate } from '../src/memory/pace.ts';
import { translateErrors as translateModelErrors } from '../src/memory/translate-errors.ts';
import {
  defineStage,
  type InputFile,
  type StageContext,
  StageError,
  Type,
} from '../src/pipe/stage.ts';
import { startBackend } from '../src/tensor/backend.ts';

const paramsSchema = /* @__PURE__ */ Type.Object({
  model: Type.String({ description: 'The name that results carry.' }),
  shots: Type.Array(Type.Integer({ minimum: 0 }), {
    default: [0, 1, 2, 3, 4, 5],
    minItems: 1,
    description: 'Numbers of shots to ask with, of those that templates wrote.',
  }),
  scoring: Type.Array(Type.Union([Type.Literal('likelihood'), Type.Literal('generate')]), {
    default: ['likelihood'],
    minItems: 1,
    uniqueItems: true,
    description: 'Compare the answers’ likelihoods, or let the model write and read its answer.',
  }),
  batch: Type.Integer({ minimum: 1, default: 48, description: 'Rows of tokens that run at once.' }),
  maxTokens: Type.Integer({
    minimum: 1,
    default: 8,
    description: 'How much to generate in search of an answer.',
  }),
  voidMemories: Type.Array(Type.String(), {
    default: [],
    description: 'Candidates that may change no logit, such as a control with gate 0.',
  }),
});

export default defineStage({
  description: 'Asks pretrained and every memory all prompts, and compares them.',
  params: paramsSchema,
  inputs: {
    weights: { kind: 'files', description: 'The folder of the model.' },
    memories: { kind: 'fan-in', description: 'A memory for each candidate.' },
    prompts: { kind: 'file', description: '`templates`’ prompts.' },
    examples: { kind: 'file', description: '`templates`’ examples, for the baselines.' },
  },
  outputs: {
    predictions: { path: 'predictions.jsonl', labels: ['dev'] },
    results: { path: 'results.json', labels: ['dev'] },
    table: { path: 'table.txt', labels: ['dev'], display: true },
  },
  run: (context) =>
    translateDataErrors(StageError, () =>
      translateModelErrors(StageError, () => evaluate(context)),
    ),
});

interface Params {
  readonly model: string;
  readonly shots: number[];
  readonly scoring: ('likelihood' | 'generate')[];
  readonly batch: number;
  readonly maxTokens: number;
  readonly voidMemories: string[];
}

type Context = StageContext<
  Params,
  'weights' | 'memories' | 'prompts' | 'examples',
  'predictions' | 'results' | 'table'
>;

async function evaluate(context: Context): Promise<void> {
  const { params, inputs, outputs, seed } = context;
  requireKnown(params.voidMemories, inputs.memories.files.map(candidateName));
  const prompts = readPrompts(inputs.prompts.path, params.shots);
  const { outcome, examinee } = await askAll(context, prompts);
  requireEffect(outcome, params.voidMemories);
  const { model } = params;
  const predictions = predictionsOf(outcome, { model, seed, prompts });
  const cells = cellsOf(predictions);
  const training = readTrainingClaims(inputs.examples.path);
  const results = {
    rows: resultRows(cells, outcome.deltas),
    intervals: accuracyIntervals(cells, { seed }),
    comparisons: comparisonsOf(cells, { seed }),
    baselines: baselinesOf(prompts, training, { seed }),
    againstNaiveBayes: comparisonsWith(cells, (cell) => naiveBayesCell(cell, prompts, training), {
      seed,
    }),
  };
  writeJsonLines(outputs.predictions, predictions);
  const { parameters } = examinee;
  const memories = memoryBlocksOf(examinee);
  writeJson(outputs.results, { model, parameters, seed, ...results, memories });
  writeFileSync(outputs.table, resultsTable(results));
  examinee.dispose();
  reportEffects(context, outcome);
}

async function askAll(
  context: Context,
  prompts: readonly Prompt[],
): Promise<{ outcome: Outcome; examinee: Examinee }> {
  const { params, inputs } = context;
  const backend = await startBackend();
  context.log(`backend ${backend.name}: ${backend.reason}`);
  const memories = inputs.memories.files.map((file) => ({ name: candidateName(file), file }));
  const examinee = await openExaminee({
    model: modelAmong(inputs.weights.path, inputs.weights.files),
    memories: new Map(memories.map(({ name, file }) => [name, file.path])),
    answers: LABELS.map(answerOf),
    batch: params.batch,
    generation: { maxTokens: params.maxTokens, stop: isAnswered },
  });
  const base = baseDigest(context, backend.name);
  const candidates: Candidate[] = [
    { name: PRETRAINED, digest: base },
    ...memories.map(({ name, file }) => ({ name, digest: `${base} ${file.digest}` })),
  ];
  const rate = tokenRate();
  let asked = 0;
  const outcome = await examine({
    prompts,
    candidates,
    scorings: params.scoring,
    scorer: examinee,
    memo: context.memo('eval', 1),
    progress: (done, total) => {
      context.progress(done, total, 'prompts', { promptsPerSecond: rate(done - asked) });
      asked = done;
    },
  });
  const overlong = examinee.overlong();
  if (overlong > 0)
    context.note(`${overlong} prompts are longer than what the model was trained on`);
  return { outcome, examinee };
}

/** `doc`, or `doc,7` where the memories differ on another axis too. */
function candidateName({ cell }: InputFile): string {
  const labels = Object.entries(cell).filter(([axis]) => axis !== 'model');
  return labels.map(([, label]) => label).join(',');
}

/** Once an answer is there, or the model goes on to make up another claim, the rest says nothing. */
function isAnswered(text: string): boolean {
  return parseAnswer(text) !== INVALID || text.includes('Claim:');
}

/** What an answer of the model depends on beside memory and prompt: its files and how it is asked. */
function baseDigest({ inputs, params }: Context, backend: string): string {
  const hash = createHash('sha256');
  for (const { name, digest } of inputs.weights.files) hash.update(`${name} ${digest}\n`);
  return hash.update(`${backend} ${params.batch} ${params.maxTokens}`).digest('hex');
}

/** A mistyped name would exempt nothing, or a memory of that name one day. */
function requireKnown(voidMemories: readonly string[], candidates: readonly string[]): void {
  const unknown = voidMemories.filter((name) => !candidates.includes(name));
  if (unknown.length === 0) return;
  const names = unknown.map((name) => `"${name}"`).join(', ');
  throw new StageError(`voidMemories names ${names}, and there is no such memory`, {
    hint: `the memories are ${candidates.map((name) => `"${name}"`).join(', ')}`,
  });
}

/**
 * The effect gate: a memory that changes nothing was not applied, and its equal scores would be read
 * as a finding. Generation has a path of its own, where it may be missing though likelihoods change.
 */
function requireEffect(outcome: Outcome, allowed: readonly string[]): void {
  refuseVoid(ineffective(outcome.deltas), allowed, 'of any prompt');
  refuseVoid(ineffectiveWhenGenerating(outcome), allowed, 'that a generated answer begins with');
}

function refuseVoid(found: readonly string[], allowed: readonly string[], where: string): void {
  const without = found.filter((name) => !allowed.includes(name));
  if (without.length === 0) return;
  const names = without.map((name) => `"${name}"`).join(', ');
  throw new StageError(
    `the memory ${names} changes no logit ${where}: its scores would be pretrained's`,
    {
      hint: 'see that training moved the gate away from 0; name a wanted void control in voidMemories',
    },
  );
}

function memoryBlocksOf({ memories }: Examinee) {
  return [...memories].map(([candidate, { blocks }]) => ({
    candidate,
    blocks: blockNumbers(blocks),
  }));
}

function reportEffects(context: Context, { deltas }: Outcome): void {
  const effects = [...deltas]
    .filter(([name]) => name !== PRETRAINED)
    .map(([name, byShots]) => `${name} ${Math.max(...byShots.values()).toPrecision(3)}`);
  if (effects.length > 0) context.note(`max |Δ logit| to pretrained: ${effects.join(', ')}`);
}
